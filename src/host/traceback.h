// Where every thread is, in the log, when the supervisor asks (role/role.h, traceback_signal()): a request hangs, and
// the process will be replaced. Nothing is stopped by it.
#pragma once

namespace trimaran::host {

// Before the first thread is started: they share the handler.
void install_traceback();

}  // namespace trimaran::host
