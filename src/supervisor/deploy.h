// Who may deploy, roll back or promote now, and what that means: one change of a site at a time. The way of a release
// itself is deploy_run.h.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/deploy_run.h"

namespace trimaran {

struct DeployRequest {
  std::string domain;  // "": the only site
  std::string source;  // absolute path of a folder or an archive
  int canary = 0;      // percent, 0..99; 0: all at once
};

struct ReleaseReport {
  release::Release release;
  std::string state;  // "serving", "canary 10 %", "warm" (workers wait for a rollback), ""
};

class Deployer {
 public:
  Deployer(const Runtime& runtime, DeployHost& host) : runtime_(runtime), host_(host) {}

  // Each: an error, and nothing was begun; otherwise the listener's done() comes.
  Status deploy(const DeployRequest& request, DeployListener listener);
  // To `id`, or to what served before (the site's own folder before the first release); a canary is abandoned.
  Status roll_back(const std::string& domain, const std::string& id, DeployListener listener);
  // A canary gets all requests.
  Status promote(const std::string& domain, DeployListener listener);

  Result<std::vector<ReleaseReport>> releases(const std::string& domain) const;
  // A change is under way (a canary that waits is none): not the moment to replace the supervisor itself.
  bool busy() const;

  // After each round in which something happened: forgets what is over.
  void advance();
  // Everything under way ends, and says so.
  void stop();

 private:
  // The site's configuration; an error when there is no such site, or several and none was named.
  Result<const SiteConfig*> find(const std::string& domain) const;
  // Nothing is under way for the site, or only what has ended.
  Status free(const std::string& domain);
  DeployRun* run_of(const std::string& domain) const;
  void begin(const std::string& domain, DeployRun::Plan plan, DeployListener listener);

  const Runtime& runtime_;
  DeployHost& host_;
  bool stopping_ = false;
  std::map<std::string, std::unique_ptr<DeployRun>> runs_;  // by domain; a canary stays in it
};

}  // namespace trimaran
