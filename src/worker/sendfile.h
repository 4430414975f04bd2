// X-Sendfile: an application names a file, and the front sends it while the worker is free again. The file is opened
// here, in the worker, with the application's own rights: the front runs under another user, and must not be talked
// into reading what the application may not.
#pragma once

#include <string_view>

#include "base/result.h"
#include "os/fd.h"
#include "worker/frame.h"

namespace trimaran::worker {

struct OpenFile {
  Fd fd;
  FileView part;  // all of it
};

// The value of the header X-Sendfile, or "" without one.
std::string_view find_sendfile(const ResponseHeadView& head);

// `head` as it leaves for that file: without X-Sendfile, and with its length.
ResponseHeadView head_for_file(const ResponseHeadView& head, const FileView& part);

// `path` absolute, of a regular file.
Result<OpenFile> open_to_send(std::string_view path);

}  // namespace trimaran::worker
