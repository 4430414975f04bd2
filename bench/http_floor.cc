// The floor of a web server on this machine: one epoll, and for each request exactly one recv and one send of a
// constant. It parses nothing, looks nothing up and logs nothing, so no server that answers one request at a time can
// cost less.
//
//   http_floor PORT BODY_BYTES
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "os/socket.h"

namespace {

constexpr size_t kRequestBytes = 16 * 1024;

// What of the constant did not fit is sent before the next event is looked at: the client of the benchmark reads.
bool send_all(int fd, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    ssize_t n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n < 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

void serve(int listener, const std::string& response) {
  int epoll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    epoll_event events[128];
    int count = ::epoll_wait(epoll, events, 128, -1);
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int client = ::accept(listener, nullptr, nullptr);
        int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
        event.data.fd = client;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event);
        continue;
      }
      char request[kRequestBytes];
      if (::recv(fd, request, sizeof request, MSG_DONTWAIT) <= 0 || !send_all(fd, response)) ::close(fd);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: http_floor PORT BODY_BYTES\n"), 2;
  auto address = trimaran::parse_ip("127.0.0.1", static_cast<uint16_t>(std::atoi(argv[1])));
  auto listener = trimaran::listen_tcp(*address, {});
  if (!listener) return std::fprintf(stderr, "%s\n", listener.error().message.c_str()), 1;
  std::string body(std::strtoul(argv[2], nullptr, 10), 'x');
  // About as many bytes of head as the servers beside it send.
  std::string response =
      "HTTP/1.1 200 OK\r\nServer: floor\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html\r\n"
      "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"0123456789abcdef\"\r\nAccept-Ranges: bytes\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  serve(listener->get(), response);
}
