package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2/proto"

	"github.com/narrativeml/narrative/internal/secret"
)

// adminTimeout bounds one conversation with our own Redis server.
const adminTimeout = 2 * time.Second

// admin is a conversation with a Redis server, to look after it.
type admin struct{ *proto.Client }

// dial opens a conversation. Every reply must come before adminTimeout is over.
func dial(ctx context.Context, addr string, password secret.String) (admin, error) {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return admin{}, fmt.Errorf("dial redis: %w", err)
	}
	if err := conn.SetDeadline(time.Now().Add(adminTimeout)); err != nil {
		return admin{}, errors.Join(fmt.Errorf("dial redis: %w", err), conn.Close())
	}
	a := admin{proto.NewClient(conn)}
	if _, err := a.do("AUTH", password.Reveal()); err != nil {
		return admin{}, errors.Join(err, conn.Close())
	}
	return a, nil
}

// do sends a command and returns the raw reply.
func (a admin) do(command ...string) (string, error) {
	reply, err := a.Do(command...)
	if err != nil {
		return "", fmt.Errorf("redis %s: %w", command[0], err)
	}
	if strings.HasPrefix(reply, "-") {
		return "", fmt.Errorf("redis %s: %s", command[0], strings.TrimSpace(reply[1:]))
	}
	return reply, nil
}

// dir returns the folder the server keeps its data in.
func (a admin) dir() (string, error) {
	reply, err := a.do("CONFIG", "GET", "dir")
	if err != nil {
		return "", err
	}
	pair, err := proto.ReadStrings(reply)
	if err != nil || len(pair) != 2 {
		return "", errors.New("redis CONFIG: unexpected reply")
	}
	return pair[1], nil
}

// pid returns the server's process.
func (a admin) pid() (int, error) {
	reply, err := a.do("INFO", "server")
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(reply, "process_id:")
	number, _, _ := strings.Cut(rest, "\r")
	pid, err := strconv.Atoi(number)
	if !found || err != nil {
		return 0, errors.New("redis INFO: no process_id")
	}
	return pid, nil
}
