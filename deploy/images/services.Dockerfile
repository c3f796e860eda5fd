# Images of the services that Cupel uses, built from Debian packages, for deploy/compose and for sites without a registry.
# Each runs as its package's user, keeps its data in one volume, and reads its password from a file in /run/secrets.
#
#   docker build -f deploy/images/services.Dockerfile --target postgres -t cupel-postgres .
#
# BASE: a Debian 12 with apt, as for deploy/Dockerfile. KAFKA: an image that contains /out/tansu.
ARG BASE=debian:bookworm-slim
ARG KAFKA=scratch

FROM ${BASE} AS gateway
RUN apt-get update && apt-get install --yes --no-install-recommends haproxy && rm -rf /var/lib/apt/lists/*
USER haproxy
EXPOSE 8080 8443
# On SIGUSR1 the master process finishes open connections, then exits.
STOPSIGNAL SIGUSR1
ENTRYPOINT ["/usr/sbin/haproxy", "-W", "-db", "-f", "/etc/cupel/haproxy.cfg"]

FROM ${BASE} AS postgres
RUN apt-get update \
 && mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
 && apt-get install --yes --no-install-recommends postgresql && rm -rf /var/lib/apt/lists/* \
 && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
COPY deploy/images/cupel-postgres /usr/local/bin/cupel-postgres
USER postgres
ENV PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
EXPOSE 5432
# SIGINT is PostgreSQL's fast shutdown: it ends all sessions, writes everything to disk, and exits.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["pg_isready", "--quiet", "--host=127.0.0.1", "--username=cupel", "--dbname=cupel"]
ENTRYPOINT ["/usr/local/bin/cupel-postgres"]

FROM ${BASE} AS redis
RUN apt-get update && apt-get install --yes --no-install-recommends redis-server && rm -rf /var/lib/apt/lists/* \
 && install -d -o redis -g redis -m 0700 /var/lib/redis
COPY deploy/images/redis.conf /etc/redis/cupel.conf
USER redis
VOLUME /var/lib/redis
EXPOSE 6379
# The check has no password, so a healthy server answers NOAUTH.
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["sh", "-c", "redis-cli ping | grep -qE 'PONG|NOAUTH'"]
ENTRYPOINT ["/usr/bin/redis-server", "/etc/redis/cupel.conf"]

FROM ${BASE} AS rabbitmq
RUN apt-get update && apt-get install --yes --no-install-recommends rabbitmq-server && rm -rf /var/lib/apt/lists/* \
 && install -d /etc/rabbitmq/conf.d && ln -s /run/secrets/rabbitmq.conf /etc/rabbitmq/conf.d/90-secret.conf
COPY deploy/images/rabbitmq.conf /etc/rabbitmq/conf.d/10-cupel.conf
USER rabbitmq
# A single node without a cluster: its name and the ports between nodes stay on loopback.
ENV HOME=/var/lib/rabbitmq RABBITMQ_NODENAME=rabbit@localhost ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" RABBITMQ_LOGS=- RABBITMQ_LOG_BASE=/tmp ERL_CRASH_DUMP_SECONDS=0
VOLUME /var/lib/rabbitmq
EXPOSE 5672
HEALTHCHECK --interval=15s --timeout=10s --start-period=90s CMD ["/usr/lib/rabbitmq/bin/rabbitmq-diagnostics", "--quiet", "check_port_connectivity"]
ENTRYPOINT ["/usr/lib/rabbitmq/bin/rabbitmq-server"]

# A broker that speaks Kafka's protocol, for evaluation only. It keeps its log in memory. For Cupel that is safe, because the store is
# authoritative and a queue may lose every message; for other uses it is not. In production, use your own brokers.
FROM ${KAFKA} AS kafka-binary
FROM ${BASE} AS kafka
COPY --from=kafka-binary /out/tansu /usr/local/bin/tansu
USER nobody
EXPOSE 9092
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9092"]
ENTRYPOINT ["/usr/local/bin/tansu"]
CMD ["broker", "--storage-engine=memory://tansu/", "--listener-url=tcp://0.0.0.0:9092", "--advertised-listener-url=tcp://kafka:9092"]
