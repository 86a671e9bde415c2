# `make help` lists what there is. Everything works on a fresh clone: each target sets up what it needs.
SHELL := /bin/sh
# The pinned Node 24 and the tools of node_modules first, whatever the machine brings.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

JEST := node --experimental-vm-modules --disable-warning=ExperimentalWarning node_modules/jest/bin/jest.js
# Narrow a run: make test ONLY=test/ipam
ONLY ?=
JEST_ARGS ?=

# Rooms whose tests are pure: no control plane is built or started for them, and they take seconds.
PURE_TESTS := $(addsuffix %,test/api test/house test/ladder test/want test/steps test/engine)
ifneq ($(strip $(ONLY)),)
ifeq ($(strip $(filter-out $(PURE_TESTS),$(ONLY))),)
export PVE_OPERATOR_NO_CONTROLPLANE := 1
endif
endif

.DEFAULT_GOAL := help
.PHONY: help setup packages control-plane test lint format demo bench chaos chaos-planted conformance crds image plugin whmcs chart docs docs-packages pictures rules former release-notes clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: packages control-plane ## all a fresh machine needs: npm packages, Node 24, kube-apiserver and etcd (first time: some 10 minutes)

packages: node_modules/.stamp

# `npm install --no-save` and not `npm ci`: registries that serve only this platform's packages leave a lock file that `npm ci` refuses.
# `npm install --no-save` keeps to the lock file as well, and does not change it.
node_modules/.stamp: package.json package-lock.json
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js with npm (any version that runs npm; Node 24 itself comes with the packages)." >&2; exit 1; }
	npm install --no-save --no-audit --no-fund --loglevel=error
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 24 || (a === 24 && b < 15)) { console.error("Node " + process.versions.node + " is too old: 24.15 or newer is needed."); process.exit(1) }'
	@touch $@

# Says nothing when the cached binaries are there; KUBEBUILDER_ASSETS is used instead if set.
control-plane: packages
	@node --disable-warning=ExperimentalWarning --input-type=module -e "import { ensureBinaries } from '$(CURDIR)/src/controlplane/binaries.ts'; \
	  const { KUBEBUILDER_ASSETS: assetsDir, XDG_CACHE_HOME: cacheDir } = process.env; await ensureBinaries({ ...(assetsDir && { assetsDir }), ...(cacheDir && { cacheDir }), log: (line) => console.log(line) })"

test: $(if $(PVE_OPERATOR_NO_CONTROLPLANE),packages,setup) ## every test, on a real kube-apiserver and the PVE simulator (ONLY=test/ipam narrows; ONLY=test/steps and the other pure rooms need no control plane)
	@$(JEST) $(JEST_ARGS) $(ONLY)

lint: packages ## types, lint rules, format, and crds/ as generated
	tsc --noEmit
	tsc --noEmit -p src/console-page
	oxlint --type-aware --deny-warnings src test examples
	biome format src test examples
	@node --disable-warning=ExperimentalWarning src/crds/write.ts --check

format: packages ## formats the sources
	biome format --write src test examples

crds: packages ## writes crds/ from src/api and src/crds
	@node --disable-warning=ExperimentalWarning src/crds/write.ts

demo: setup ## control plane, simulator, operator and the example VMs; stays up (DEMO_EXIT=1 ends when all are Ready; DNS=1 adds a real PowerDNS; CONSOLE=1 prints a URL that shows a VM's screen, once)
	@exec node --disable-warning=ExperimentalWarning src/demo/demo.ts

bench: setup ## measures the budgets and writes docs/performance.md (FLEET=1 measures a fleet that grows to 10,000 VMs instead, half an hour; FLEET=300 a small one; ONLY=one-vm, many-vms, large-cluster, leader-kills or slow-cluster measures that alone, and the last two only run so)
	@exec node --disable-warning=ExperimentalWarning src/bench/bench.ts

chaos: setup ## random histories of users, admins, faults and deaths, watched by an oracle (MINUTES=30; SEED=7 replays one; STORY=1 tells all)
	@exec node --disable-warning=ExperimentalWarning test/chaos/run.ts

chaos-planted: setup ## tries that oracle on planted bugs, each in a copy of the sources (MINUTES=2 for each; ONLY=A narrows)
	@ONLY="$(ONLY)" exec node --disable-warning=ExperimentalWarning test/chaos/plant.ts

conformance: packages ## replays the recordings of a real Proxmox VE against the simulator
	@node --disable-warning=ExperimentalWarning test/conformance/run.ts

image: packages ## dist/pve-operator-image.tar and one for each of amd64 and arm64, OCI images built without a registry (loaded when docker runs; ARCH=amd64 narrows)
	@node --disable-warning=ExperimentalWarning src/release/image.ts

plugin: packages ## dist/kubectl-pve, the kubectl plugin to copy into PATH; with Node inside for amd64 and arm64; completion (ARCH=amd64 narrows, ARCH= leaves those with Node out)
	@node --disable-warning=ExperimentalWarning src/plugin/bundle.ts

chart: packages ## dist/pve-operator-crds-VERSION.tgz and dist/pve-operator-VERSION.tgz, the Helm charts (builds helm once: some minutes)
	@node --disable-warning=ExperimentalWarning src/release/chart.ts

rules: packages ## deploy/alerts.rules.yaml from deploy/alerts.yaml, checked by promtool (builds promtool once: some minutes)
	@node --disable-warning=ExperimentalWarning src/release/alert-rules.ts

docs: docs-packages ## dist/docs, the site of docs/ (its own packages, once: 250 MB; ends with an error at a dead link)
	@NODE_PATH= node docs/.vitepress/node_modules/vitepress/bin/vitepress.js build docs

# What the site needs, as its lock file says. Says nothing when it is there. test/docs/site.test.ts runs it too.
docs-packages: packages
	@cmp -s docs/.vitepress/package-lock.json docs/.vitepress/node_modules/.lock || { npm ci --prefix docs/.vitepress --no-audit --no-fund --loglevel=error && cp docs/.vitepress/package-lock.json docs/.vitepress/node_modules/.lock; }

pictures: setup ## draws the pictures of docs/images again, from what the programs really show (needs kubectl, PHP and Chromium)
	@node --disable-warning=ExperimentalWarning src/demo/pictures.ts
	@SCREENSHOTS=1 $(JEST) test/console/browser.test.ts test/integrations/whmcs.test.ts

whmcs: packages ## dist/pveoperator-whmcs-VERSION.zip, the WHMCS module to unpack in the folder of WHMCS
	@node --disable-warning=ExperimentalWarning src/release/whmcs.ts

former: packages ## keeps the operator and the kinds of TAG=v0.2.0 for the upgrade test (test/upgrade/bundles)
	@node --disable-warning=ExperimentalWarning test/upgrade/make-former.ts "$(TAG)"

release-notes: packages ## the section of CHANGELOG.md for TAG=v0.2.0, or what does not agree with that tag
	@node --disable-warning=ExperimentalWarning src/release/release-notes.ts "$(TAG)"

clean: ## removes what was built here (not the cache of control-plane binaries)
	rm -rf dist coverage .demo node_modules/.stamp
