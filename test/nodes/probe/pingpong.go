package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// message is the size of a question and of its answer, in bytes.
const message = 64

// warmUp are exchanges before those that count.
const warmUp = 200

// Latency is what pingpong prints: of how many exchanges on one TCP connection
// half took at most P50, and 99 of 100 at most P99, in microseconds.
type Latency struct {
	Exchanges int     `json:"exchanges"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
}

// pingpong sends a small message, waits for it to come back, and so on.
func pingpong(ctx context.Context, address string, count int) error {
	if count < 1 {
		return fmt.Errorf("count %d: at least one exchange is needed", count)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var dialer net.Dialer // TCP_NODELAY is the default (net.TCPConn)
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, echoPort))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	taken := make([]time.Duration, 0, count)
	buffer := make([]byte, message)
	for n := range warmUp + count {
		began := time.Now()
		if _, err := conn.Write(buffer); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, buffer); err != nil {
			return err
		}
		if n >= warmUp {
			taken = append(taken, time.Since(began))
		}
	}
	slices.Sort(taken)
	return json.NewEncoder(os.Stdout).Encode(Latency{Exchanges: count, P50: quantile(taken, 50), P99: quantile(taken, 99)})
}

// quantile is the shortest time within which so many of a hundred were done.
func quantile(sorted []time.Duration, percent int) float64 {
	at := (len(sorted)*percent+99)/100 - 1
	return float64(sorted[at].Nanoseconds()) / 1000
}
