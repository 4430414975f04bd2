// A library that is no application.
extern "C" int answer() { return 42; }
