#include "worker/sendfile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>

#include "base/strings.h"

namespace trimaran::worker {
namespace {

bool is_sendfile(const HeaderPair& header) { return iequals(header.first, "x-sendfile"); }

}  // namespace

std::string_view find_sendfile(const ResponseHeadView& head) {
  auto found = std::find_if(head.headers.begin(), head.headers.end(), is_sendfile);
  return found == head.headers.end() ? std::string_view() : found->second;
}

ResponseHeadView head_for_file(const ResponseHeadView& head, const FileView& part) {
  ResponseHeadView out = head;
  std::erase_if(out.headers, is_sendfile);
  out.content_length = static_cast<int64_t>(part.length);
  return out;
}

Result<OpenFile> open_to_send(std::string_view path) {
  std::string name(path);
  if (!name.starts_with('/')) return make_error("X-Sendfile is not an absolute path: " + escape_for_log(name));
  // O_NONBLOCK: opening a FIFO would wait for its writer.
  Fd fd(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return errno_error("X-Sendfile: cannot open " + escape_for_log(name));
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return errno_error("X-Sendfile: cannot look at " + escape_for_log(name));
  if (!S_ISREG(st.st_mode)) return make_error("X-Sendfile is no regular file: " + escape_for_log(name));
  return OpenFile{std::move(fd), {0, static_cast<uint64_t>(st.st_size)}};
}

}  // namespace trimaran::worker
