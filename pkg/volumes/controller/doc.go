// Package controller is the controller service of the CSI driver: it makes, grows,
// changes and deletes volumes, ties them to servers, and takes snapshots, backups
// and group snapshots.
//
// Every RPC looks at the cloud, asks the table of pkg/volumes/verdict, does at
// most one thing, and waits. Nothing is kept but what the cloud keeps: a process
// that dies anywhere is replaced by one that finds the same names and metadata
// and goes on. An RPC that does not know what became of a write answers Aborted,
// Unavailable or DeadlineExceeded, so that the sidecar asks again; any other code
// means that nothing was left half done.
package controller
