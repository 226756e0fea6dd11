#!/usr/bin/env bash
# A real Slurm of one machine, without systemd and without touching /etc: `slurm_single_node.sh start FOLDER [CPUS]` writes
# its configuration, keys, logs and state below FOLDER and prints the SLURM_CONF to export; `stop FOLDER` ends what start
# began. Takes root and Debian's slurmctld, slurmd, slurm-client and munge. Control groups are off: a container has none to give.
set -euo pipefail

folder=$(mkdir -p "$2" && cd "$2" && pwd)
daemons=(slurmd slurmctld munged)

stop() {
    for daemon in "${daemons[@]}"; do
        [ -f "$folder/$daemon.pid" ] || continue
        pid=$(cat "$folder/$daemon.pid")
        kill "$pid" 2> /dev/null || true
        for _ in $(seq 100); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2> /dev/null || true
        rm -f "$folder/$daemon.pid"
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'
}

configure() {
    host=$(hostname -s)
    cat > "$folder/slurm.conf" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,defer
MpiDefault=none
JobRequeue=1
KillWait=5
ReturnToService=2
SlurmdParameters=config_overrides
MinJobAge=10
NodeName=$host NodeAddr=127.0.0.1 CPUs=$1 RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
}

start() {
    mkdir -p "$folder/state" "$folder/spool"
    head -c 1024 /dev/urandom > "$folder/munge.key"
    chmod 600 "$folder/munge.key"
    configure "$1"
    export SLURM_CONF="$folder/slurm.conf"
    munged --force --key-file "$folder/munge.key" --socket "$folder/munge.socket" --pid-file "$folder/munged.pid" \
        --log-file "$folder/munged.log" --seed-file "$folder/munge.seed"
    slurmctld -c
    slurmd -b
    for _ in $(seq 300); do
        if [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ]; then
            echo "$SLURM_CONF"
            return
        fi
        sleep 0.1
    done
    echo "error: the node is not idle after 30 s; see $folder/slurmctld.log and slurmd.log" >&2
    stop
    exit 1
}

case "$1" in
    start) start "${3:-4}" ;;
    stop) stop ;;
    *) echo "usage: $0 start FOLDER [CPUS] | stop FOLDER" >&2; exit 2 ;;
esac
