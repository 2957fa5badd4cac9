package app

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/narrativeml/narrative/internal/dataset/fetch"
	"github.com/narrativeml/narrative/internal/source"
)

// newSources returns what reads files that are elsewhere, as far as the
// configuration lets it.
func (p *platform) newSources() (*source.Reader, error) {
	i := p.config.Import
	c := source.Config{Hosts: i.AllowHosts, HTTP: i.HTTP, Buckets: i.S3Buckets, Objects: p.files, OwnBucket: p.config.S3.Bucket}
	for _, text := range i.AllowAddresses {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("read import.allow_addresses: %w", err)
		}
		c.Networks = append(c.Networks, network)
	}
	for _, text := range i.Ports {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("read import.ports: %w", err)
		}
		c.Ports = append(c.Ports, uint16(port))
	}
	r, err := source.New(c)
	if err != nil {
		return nil, fmt.Errorf("prepare imports: %w", err)
	}
	return r, nil
}

// remote makes fetch.Source of the reader: the two know nothing of each
// other.
type remote struct{ reader *source.Reader }

var _ fetch.Source = remote{}

// Open implements fetch.Source.
func (r remote) Open(ctx context.Context, tenant, address string, from int64, version string) (*fetch.Remote, error) {
	f, err := r.reader.Open(ctx, tenant, address, from, version)
	if err != nil {
		return nil, err
	}
	return (*fetch.Remote)(f), nil
}
