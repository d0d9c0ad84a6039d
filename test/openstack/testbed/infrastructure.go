//go:build linux

package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// databaseSocket is MariaDB's; it has no port.
const databaseSocket = runDir + "/mysqld.sock"

// infrastructurePorts do not speak HTTP.
var infrastructurePorts = map[string]bool{"rabbitmq": true, "epmd": true, "memcached": true}

// startInfrastructure starts what the services stand on. Nothing of it survives
// Down, so MariaDB need not write through to the disk.
func (b *Testbed) startInfrastructure(ctx context.Context) error {
	const mariadb, rabbitmq = stateDir + "/mariadb", stateDir + "/rabbitmq"
	for _, dir := range []string{mariadb, rabbitmq} {
		if err := os.MkdirAll(b.path(dir), 0o755); err != nil {
			return fmt.Errorf("make %s: %w", dir, err)
		}
	}
	rabbitConf, err := b.render(service{}, "rabbitmq.conf", rabbitmqConf)
	if err != nil {
		return err
	}
	if err := errors.Join(
		b.write(rabbitmq+"/rabbitmq.conf", rabbitConf, 0o600),
		b.write(rabbitmq+"/plugins", "[].\n", 0o644),
		b.run(ctx, "mariadb", "/usr/bin/chown", "mysql:mysql", mariadb),
	); err != nil {
		return err
	}
	if err := b.run(ctx, "mariadb", "/usr/bin/mariadb-install-db", "--user=mysql", "--datadir="+mariadb,
		"--auth-root-authentication-method=normal", "--skip-test-db"); err != nil {
		return err
	}
	return b.startAll(ctx, []process{
		{
			name: "mariadb", ready: func(ctx context.Context) error { return b.sql(ctx, "select 1") },
			command: []string{
				"/usr/sbin/mariadbd", "--no-defaults", "--user=mysql", "--datadir=" + mariadb, "--pid-file=" + mariadb + "/pid",
				"--socket=" + databaseSocket, "--skip-networking", "--max-connections=400", "--innodb-buffer-pool-size=128M",
				"--innodb-flush-log-at-trx-commit=0", "--skip-innodb-doublewrite", "--character-set-server=utf8mb3",
				// On by default since MariaDB 11.6. OpenStack does not expect its error 1020: two
				// logins of one user at once would end in a 500 of Keystone's.
				// https://mariadb.com/docs/server/server-usage/storage-engines/innodb/innodb-system-variables
				"--innodb-snapshot-isolation=OFF",
			},
		},
		{name: "memcached", port: "memcached", command: []string{
			"/usr/bin/memcached", "-u", "memcache", "-m", "64", "-l", "127.0.0.1", "-p", `{{.Port "memcached"}}`,
		}},
		{name: "epmd", port: "epmd", command: []string{"/usr/bin/epmd", "-address", "127.0.0.1", "-port", `{{.Port "epmd"}}`}},
		{name: "rabbitmq", port: "rabbitmq", command: []string{"/usr/lib/rabbitmq/bin/rabbitmq-server"}, env: rabbitmqEnv(rabbitmq)},
	})
}

// rabbitmqConf keeps to loopback and to a small machine.
const rabbitmqConf = `listeners.tcp.1 = {{.Address "rabbitmq"}}
default_user = openstack
default_pass = {{.Password}}
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 50MB
log.file = false
log.console = true
log.console.level = warning
`

// rabbitmqEnv is what Erlang, below RabbitMQ, reads from nowhere else.
func rabbitmqEnv(dir string) []string {
	return []string{
		"ERL_EPMD_ADDRESS=127.0.0.1", `ERL_EPMD_PORT={{.Port "epmd"}}`,
		"RABBITMQ_NODENAME=underlay@localhost", `RABBITMQ_DIST_PORT={{.Port "rabbitmq-distribution"}}`,
		"RABBITMQ_MNESIA_BASE=" + dir, "RABBITMQ_LOG_BASE=" + logDir,
		"RABBITMQ_CONFIG_FILE=" + dir + "/rabbitmq.conf", "RABBITMQ_ENABLED_PLUGINS_FILE=" + dir + "/plugins",
		// Two schedulers that sleep when idle, and a distribution port on loopback only.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
	}
}

// sql runs one statement.
func (b *Testbed) sql(ctx context.Context, statement string) error {
	out, err := b.command(ctx, "/usr/bin/mariadb", "--no-defaults", "-uroot", "-S", databaseSocket, "-e", statement).CombinedOutput()
	if err != nil {
		return fmt.Errorf("run %q in MariaDB: %w: %s", statement, err, out)
	}
	return nil
}
