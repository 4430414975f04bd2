// `trimaran init DIR`: a small working site to start from.
#pragma once

#include <string>

namespace trimaran {

// Writes the files of a new site into `folder`, which is made if it is missing, and prints what to do next. 0: done;
// 1: nothing was written, because a file is there already or the folder cannot be written.
int run_init(const std::string& folder);

}  // namespace trimaran
