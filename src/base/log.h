// A role's own log: whole lines on stderr, "LEVEL message". The supervisor reads every child's stderr and puts the
// name of the service before each line, so nothing here knows who it is or what time it is. spdlog was considered and
// left out: sinks, rotation and patterns are all the supervisor's work here, and its headers are the heaviest we had.
#pragma once

#include <string_view>

namespace trimaran {

enum class LogLevel { debug, info, warning, error };

// Lines below this level are not written; info unless set. TRIMARAN_LOG=debug in the environment lowers it.
void set_log_level(LogLevel level);

// One line, one write(2); newlines inside the message become " | ". Callers format with fmt.
void log_line(LogLevel level, std::string_view message);

inline void log_debug(std::string_view message) { log_line(LogLevel::debug, message); }
inline void log_info(std::string_view message) { log_line(LogLevel::info, message); }
inline void log_warning(std::string_view message) { log_line(LogLevel::warning, message); }
inline void log_error(std::string_view message) { log_line(LogLevel::error, message); }

}  // namespace trimaran
