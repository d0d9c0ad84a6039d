package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// How often each peer is asked, and how long an answer may take. A datagram is
// sent once: what does not come back is lost, and nothing sends it again. A new
// connection has to be there within connectPatience: the kernel repeats what was
// lost after 1 s and 3 s. The one that stays open is broken when it says
// nothing for breakPatience.
const (
	packetInterval  = 50 * time.Millisecond
	connectInterval = 250 * time.Millisecond
	answerPatience  = time.Second
	connectPatience = 5 * time.Second
	breakPatience   = 10 * time.Second
)

// Seen is what a watch has seen of one peer.
type Seen struct {
	// Sent and Lost are datagrams; LongestRun are the most that were lost in a row,
	// which began at RunBegan.
	Sent, Lost, LongestRun int
	RunBegan               time.Time
	// Connects are new connections, Refused those that were not there in time.
	Connects, Refused int
	// Exchanges went over the one connection that stays open; Broken says why it did not.
	Exchanges int
	Broken    string
}

// watch asks peers all the time. Each line of input names all that are asked from
// then on; the end of the input is the end of the watch, and what was seen of each
// peer is printed.
func watch(ctx context.Context, input io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen := map[string]*Seen{}
	stop := map[string]context.CancelFunc{}
	var running sync.WaitGroup
	lines := bufio.NewScanner(input)
	for lines.Scan() {
		wanted := map[string]bool{}
		for address := range strings.FieldsSeq(lines.Text()) {
			wanted[address] = true
			if seen[address] != nil {
				continue // once asked, it is asked until it is no longer named
			}
			peer := &Seen{}
			peerCtx, end := context.WithCancel(ctx) //nolint:gosec // the map below holds it
			seen[address], stop[address] = peer, end
			running.Go(func() { observe(peerCtx, address, peer) })
		}
		for address, end := range stop {
			if !wanted[address] {
				end()
			}
		}
		_, _ = fmt.Fprintln(os.Stdout, "watching", len(wanted))
	}
	cancel()
	running.Wait()
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the peers: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(seen)
}

// observe asks one peer in three ways until the context ends.
func observe(ctx context.Context, address string, seen *Seen) {
	to := net.JoinHostPort(address, echoPort)
	var three sync.WaitGroup
	three.Go(func() { observePackets(ctx, to, seen) })
	three.Go(func() { observeConnects(ctx, to, seen) })
	three.Go(func() { observeConnection(ctx, to, seen) })
	three.Wait()
}

// observePackets counts datagrams that do not come back.
func observePackets(ctx context.Context, to string, seen *Seen) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "udp", to)
	if err != nil {
		return // no packet has been sent, which the reader sees
	}
	back := make(chan []uint32, 1)
	go func() { back <- receive(conn) }()
	var missing []bool // by number
	var sent []time.Time
	for every(ctx, packetInterval) {
		number := uint32(len(missing))
		missing, sent = append(missing, true), append(sent, time.Now())
		_, _ = conn.Write(binary.BigEndian.AppendUint32(nil, number)) // an ICMP error of an earlier one
	}
	_ = conn.SetReadDeadline(time.Now().Add(answerPatience)) // those that are under way
	for _, number := range <-back {
		if int(number) < len(missing) {
			missing[number] = false
		}
	}
	_ = conn.Close()
	run := 0
	for number, lost := range missing {
		if run++; !lost {
			run = 0
			continue
		}
		seen.Lost++
		if run > seen.LongestRun {
			seen.LongestRun, seen.RunBegan = run, sent[number-run+1]
		}
	}
	seen.Sent = len(missing)
}

// receive returns the numbers of the datagrams that come back until the deadline.
func receive(conn net.Conn) []uint32 {
	var numbers []uint32
	buffer := make([]byte, 16)
	for {
		n, err := conn.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return numbers
		}
		if err == nil && n == 4 {
			numbers = append(numbers, binary.BigEndian.Uint32(buffer))
		}
	}
}

// observeConnects counts new connections that are not there in time.
func observeConnects(ctx context.Context, to string, seen *Seen) {
	dialer := net.Dialer{Timeout: connectPatience}
	for every(ctx, connectInterval) {
		conn, err := dialer.DialContext(context.WithoutCancel(ctx), "tcp", to)
		seen.Connects++
		if err != nil {
			seen.Refused++
			continue
		}
		_ = conn.Close()
	}
}

// stretch is more than a few packets take, so that some have the whole MTU.
const stretch = 8 << 10

// observeConnection keeps one connection for the whole time.
func observeConnection(ctx context.Context, to string, seen *Seen) {
	dialer := net.Dialer{Timeout: connectPatience}
	conn, err := dialer.DialContext(ctx, "tcp", to)
	if err != nil {
		seen.Broken = err.Error()
		return
	}
	defer func() { _ = conn.Close() }()
	buffer := make([]byte, stretch)
	for every(ctx, packetInterval) {
		_ = conn.SetDeadline(time.Now().Add(breakPatience))
		_, err := conn.Write(buffer)
		if err == nil {
			_, err = io.ReadFull(conn, buffer)
		}
		if err != nil {
			seen.Broken = err.Error()
			return
		}
		seen.Exchanges++
	}
}

// every waits; false when the context has ended.
func every(ctx context.Context, interval time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(interval):
		return true
	}
}
