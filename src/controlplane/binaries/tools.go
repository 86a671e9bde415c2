//go:build tools

// Package binaries pins the control plane that tests and the demo run: the two blank
// imports keep both commands in go.mod, so that `go mod tidy` does not drop them.
package binaries

import (
	_ "go.etcd.io/etcd/server/v3"
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
