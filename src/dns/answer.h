// What to answer: RFC 1034 section 4.3.2 with wildcards (RFC 4592), DNAME (RFC 6672), negative answers (RFC 2308) and
// the minimal ANY of RFC 8482, in the shape of those texts. This is the whole algorithm; compiled answers (snapshot.h)
// are only what it once wrote.
#pragma once

#include "dns/types.h"
#include "dns/writer.h"
#include "dns/zone_set.h"

namespace trimaran::dns {

// Steps through CNAME and DNAME in one answer. Resolvers give up at 8 to 16 too; what is found so far is the answer.
inline constexpr size_t kMaxAliasSteps = 16;
// Addresses are added for this many different hosts of one answer; a client asks for the rest.
inline constexpr size_t kMaxAdditionalHosts = 32;

struct Verdict {
  Rcode rcode = Rcode::NOERROR;
  bool authoritative = false;
  bool truncated = false;
};

// Writes the records for (qname, qtype) of class IN behind the question that `writer` starts at.
Verdict answer_question(const ZoneSet& zones, WireName lower_qname, Type qtype, MessageWriter& writer);

}  // namespace trimaran::dns
