// [app] log: the files that applications' lines go to instead of our stderr. We open them, not the applications: their
// user needs no right to the folder, and a rotated file is opened anew in one place (reload).
#pragma once

#include <map>
#include <memory>
#include <string>

#include "config/config.h"
#include "supervisor/log_pump.h"
#include "supervisor/runtime.h"

namespace trimaran {

class LogFiles {
 public:
  // The sink of this file, opened when it is asked for first. It lives as long as we do: services keep it.
  Result<LogSink*> open(const std::string& path);
  // After a rotation: each file by its name again. One that cannot be opened stays as it is; the errors.
  std::vector<Error> reopen();

 private:
  struct File {
    Fd fd;
    LogSink sink;
  };
  std::map<std::string, std::unique_ptr<File>> files_;
};

// Opens [app] log of the site, if it has one.
Status open_output(const Runtime& runtime, const SiteConfig& site);
// Where the lines of the site's processes go; nullptr: to ours.
LogSink* output_of(const Runtime& runtime, const SiteConfig& site);

}  // namespace trimaran
