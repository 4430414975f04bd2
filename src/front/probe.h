// `trimaran probe PROTOCOL ADDRESS TIMEOUT_MS HOST [PATH [ROOT]]`: waits until somebody listens at ADDRESS and, with a
// PATH, answers GET PATH with a status below 400. A child of the supervisor, which must not read what an application
// says; it speaks with the same codecs as the front. Plain blocking code: it does one thing and ends.
//
// Exit code 0: it serves. 1: the last line on stdout says why not.
#pragma once

namespace trimaran::front {

int probe_main(int argc, char** argv);

}  // namespace trimaran::front
