// The options of one verb. A wall around CLI11, whose header costs every file that includes it five seconds.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace trimaran {

class Options {
 public:
  Options(std::string_view verb, std::string_view help);
  ~Options();

  // Names as CLI11 writes them: "-c,--config", "--json", or "folder" for a positional argument. The targets must
  // outlive parse().
  Options& flag(const std::string& names, bool& target, const std::string& help);
  Options& text(const std::string& names, std::string& target, const std::string& help, bool required = false);
  // -c FILE, which every verb that has to do with a site takes.
  Options& site_file(std::string& target);

  // Nothing: go on. A number: the exit code; help or the error was printed.
  std::optional<int> parse(int argc, char** argv);
  // After parse(): whether it was among the arguments, with whatever value.
  bool given(const std::string& name) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The file of -c made absolute; without one ./trimaran.toml, then /etc/trimaran/trimaran.toml. "" and a line on stderr
// when neither exists.
std::string find_site_file(const std::string& option);

}  // namespace trimaran
