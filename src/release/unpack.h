// An archive unpacked by the system's own tar and unzip. Parsers of our own were rejected: four formats of hostile
// bytes, for something that happens once a day. They run as the application's user, in an empty folder to which no path
// leads that user (his processes may still find it in /proc); what they leave there is checked like any other tree
// (settle_tree).
#pragma once

#include <string>

#include "base/time.h"
#include "release/tree.h"

namespace trimaran::release {

constexpr Millis kUnpackMs = 600'000;  // 16 GiB at 30 MB/s

// .tar, .tar.gz, .tgz, .tar.zst, .tar.xz, .zip
bool is_archive(const std::string& path);

// Unpacks the open archive, a copy that belongs to the job's owner, into the empty folder `target`. `name` tells its
// format, and is for messages. Ends at the job's limits while it still runs.
Status unpack(int archive, const std::string& name, int target, const TreeJob& job);

}  // namespace trimaran::release
