#include "front/error_page.h"

#include "base/strings.h"
#include "http/message.h"

namespace trimaran::front {
namespace {

std::string_view sentence(int status) {
  switch (status) {
    case 400:
      return "The server could not understand this request.";
    case 403:
      return "This page is not public.";
    case 404:
      return "There is no page at this address.";
    case 405:
      return "This page does not take that kind of request.";
    case 408:
      return "The request took too long to arrive.";
    case 412:
      return "The page has changed since you last saw it.";
    case 413:
      return "The request is larger than this site accepts.";
    case 414:
      return "The address is longer than this site accepts.";
    case 416:
      return "The file does not have the part that was asked for.";
    case 417:
      return "The server cannot meet what the request expects.";
    case 421:
      return "This server does not serve the site that was asked for.";
    case 431:
      return "The request's header is larger than this site accepts.";
    case 500:
      return "Something went wrong on the server.";
    case 501:
      return "The server does not know this kind of request.";
    case 502:
      return "The application failed to answer this request.";
    case 503:
      return "The site is busy or being changed. Please try again in a moment.";
    case 504:
      return "The application took too long to answer.";
    case 505:
      return "The server does not speak this version of HTTP.";
    default:
      return status < 500 ? "The server did not accept this request." : "The server failed to answer this request.";
  }
}

// `rest` is HTML, below the detail.
std::string page_of(int status, std::string_view detail, std::string_view rest) {
  std::string title = std::to_string(status) + " " + std::string(http::reason_phrase(status));
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>";
  page += title;
  page +=
      "</title>\n<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.5rem;"
      "color:#223}h1{font-size:1.6rem}@media(prefers-color-scheme:dark){body{background:#14161a;color:#dde}}</"
      "style>\n<h1>";
  page += title;
  page += "</h1>\n<p>";
  page += escape_html(detail.empty() ? sentence(status) : detail);
  page += "</p>\n";
  page += rest;
  page += "</html>\n";
  return page;
}

}  // namespace

std::string error_page(int status, std::string_view detail) { return page_of(status, detail, ""); }

std::string developer_page(int status, std::string_view detail, std::string_view log) {
  std::string rest;
  // The page is narrow for reading; code is not.
  if (!log.empty()) rest = "<pre style=\"overflow-x:auto;width:90vw\">" + escape_html(log) + "</pre>\n";
  return page_of(status, detail, rest + "<p>Shown because of <code>dev = true</code> in the site file.</p>\n");
}

}  // namespace trimaran::front
