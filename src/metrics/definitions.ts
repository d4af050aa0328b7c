/** The table of all metrics: what `quorate metrics list` prints, and what docs/reference/metrics.md contains. */

export type MetricType = 'gauge' | 'counter' | 'histogram'

export interface MetricDefinition {
  /** Ends with its unit: `_seconds`, `_bytes`, `_ratio`, or `_total` of a counter. */
  readonly name: string
  readonly type: MetricType
  /** In addition to `cluster` and `node`. */
  readonly labels: readonly string[]
  readonly help: string
  /** The upper bounds of a histogram, in seconds. Default: CALL_BUCKETS. */
  readonly buckets?: readonly number[]
}

/** From 100 us to 10 s: calls, writes and elections. */
export const CALL_BUCKETS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export const METRICS = {
  buildInfo: {
    name: 'raft_build_info',
    type: 'gauge',
    labels: ['version', 'storage', 'peer_transport'],
    help: 'Always 1; the labels name the release, the storage, and how the node connects to its peers.',
  },
  hasLeader: {
    name: 'raft_has_leader',
    type: 'gauge',
    labels: [],
    help: '1 if this node knows the leader of its term, itself included.',
  },
  role: {
    name: 'raft_role',
    type: 'gauge',
    labels: ['role'],
    help: '1 for the role that this node has: follower, pre-candidate, candidate, leader.',
  },
  isLearner: {
    name: 'raft_is_learner',
    type: 'gauge',
    labels: [],
    help: '1 if this node is a member without a vote.',
  },
  term: {
    name: 'raft_term',
    type: 'gauge',
    labels: [],
    help: 'The term of this node.',
  },
  leaderChanges: {
    name: 'raft_leader_changes_total',
    type: 'counter',
    labels: [],
    help: 'How often this node learned of a new leader.',
  },
  elections: {
    name: 'raft_elections_total',
    type: 'counter',
    labels: ['result'],
    help: 'Elections in which this node was a candidate, by result: won or lost.',
  },
  leaderless: {
    name: 'raft_election_duration_seconds',
    type: 'histogram',
    labels: [],
    help: 'How long this node knew no leader, until it knew one again.',
  },
  quorumContact: {
    name: 'raft_leader_quorum_contact_age_seconds',
    type: 'gauge',
    labels: [],
    help: 'Of a leader: how long ago a quorum of the voters has responded.',
  },
  firstIndex: {
    name: 'raft_first_index',
    type: 'gauge',
    labels: [],
    help: 'The first index that is still in the log.',
  },
  lastIndex: {
    name: 'raft_last_index',
    type: 'gauge',
    labels: [],
    help: 'The last index of the log.',
  },
  commitIndex: {
    name: 'raft_commit_index',
    type: 'gauge',
    labels: [],
    help: 'Entries up to this index are committed.',
  },
  appliedIndex: {
    name: 'raft_applied_index',
    type: 'gauge',
    labels: [],
    help: 'The state machine has applied the entries up to this index.',
  },
  logBytes: {
    name: 'raft_log_bytes',
    type: 'gauge',
    labels: [],
    help: 'Bytes of the entries in the log.',
  },
  proposals: {
    name: 'raft_proposals_total',
    type: 'counter',
    labels: ['result'],
    help: "Proposals made at this node that have ended, by result: 'ok' if applied, otherwise the error code without ERR_RAFT_, in lower case.",
  },
  proposalsInflight: {
    name: 'raft_proposals_inflight',
    type: 'gauge',
    labels: [],
    help: 'Proposals made at this node that have not ended.',
  },
  proposalSeconds: {
    name: 'raft_proposal_seconds',
    type: 'histogram',
    labels: [],
    help: 'From the call of a proposal to its application on this node.',
  },
  proposalStage: {
    name: 'raft_proposal_stage_seconds',
    type: 'histogram',
    labels: ['stage'],
    help: "The parts of it: 'queue' until it is in a block, 'quorum' until the block is committed, 'apply' until it is applied on this node.",
  },
  sessions: {
    name: 'raft_sessions',
    type: 'gauge',
    labels: [],
    help: 'Client sessions.',
  },
  sessionRepeats: {
    name: 'raft_session_dedup_hits_total',
    type: 'counter',
    labels: [],
    help: 'Repeated commands of sessions that were answered from the table, not executed again.',
  },
  sessionsExpired: {
    name: 'raft_sessions_expired_total',
    type: 'counter',
    labels: ['reason'],
    help: "Sessions that were removed because they were idle for too long ('timeout') or because the table was full ('limit').",
  },
  reads: {
    name: 'raft_reads_total',
    type: 'counter',
    labels: ['mode', 'result'],
    help: 'Reads at this node that have ended, by mode and result.',
  },
  readSeconds: {
    name: 'raft_read_seconds',
    type: 'histogram',
    labels: ['mode'],
    help: 'From the call of a read to its answer.',
  },
  readRound: {
    name: 'raft_read_round_seconds',
    type: 'histogram',
    labels: ['mode'],
    help: "How long the confirmation of the reads of one turn of the event loop took: by a 'quorum', or by the 'lease' of the leader.",
  },
  fsync: {
    name: 'raft_storage_fsync_seconds',
    type: 'histogram',
    labels: [],
    help: 'A durable write of the log or of term and vote, with its fsync.',
  },
  writtenBytes: {
    name: 'raft_storage_written_bytes_total',
    type: 'counter',
    labels: [],
    help: 'Bytes of entries in durable writes.',
  },
  immediateWrites: {
    name: 'raft_storage_immediate_writes_total',
    type: 'counter',
    labels: [],
    help: 'Durable writes that were made on the thread of JavaScript, and stopped the event loop meanwhile; see immediateWriteBytesMax.',
  },
  certificateExpires: {
    name: 'raft_certificate_expires_timestamp_seconds',
    type: 'gauge',
    labels: [],
    help: 'When the certificate of this node expires, in seconds since 1970, if it has one.',
  },
  diskFree: {
    name: 'raft_disk_free_bytes',
    type: 'gauge',
    labels: [],
    help: 'Free disk space, if the storage reports it.',
  },
  storageErrors: {
    name: 'raft_storage_errors_total',
    type: 'counter',
    labels: ['op'],
    help: "Failures of the storage: of a 'write', which stops the node, or of a 'scrub'.",
  },
  apply: {
    name: 'raft_apply_seconds',
    type: 'histogram',
    labels: [],
    help: 'How long the state machine applied commands in one turn of the event loop.',
  },
  applied: {
    name: 'raft_applied_commands_total',
    type: 'counter',
    labels: [],
    help: 'Entries that the state machine has applied since the start.',
  },
  peerLag: {
    name: 'raft_peer_match_lag',
    type: 'gauge',
    labels: ['peer'],
    help: 'Of a leader: entries of its log that the peer has not acknowledged.',
  },
  peerApplyLag: {
    name: 'raft_peer_apply_lag',
    type: 'gauge',
    labels: ['peer'],
    help: 'Of a leader: committed entries that the peer has not applied.',
  },
  peerState: {
    name: 'raft_peer_state',
    type: 'gauge',
    labels: ['peer', 'state'],
    help: 'Of a leader: 1 for the state of the peer, which is probe, replicate or snapshot.',
  },
  peerContact: {
    name: 'raft_peer_last_contact_seconds',
    type: 'gauge',
    labels: ['peer'],
    help: 'Of a leader: the time since the last response of the peer; none before its first one in this term.',
  },
  peerRtt: {
    name: 'raft_peer_rtt_seconds',
    type: 'gauge',
    labels: ['peer'],
    help: 'Of a leader: the longest recent time from a heartbeat to the response, with both event loops and the disk of the peer.',
  },
  peerMessages: {
    name: 'raft_peer_inflight_messages',
    type: 'gauge',
    labels: ['peer'],
    help: 'Of a leader: unacknowledged messages with entries.',
  },
  peerBytes: {
    name: 'raft_peer_inflight_bytes',
    type: 'gauge',
    labels: ['peer'],
    help: 'Of a leader: bytes of unacknowledged entries.',
  },
  peerConnected: {
    name: 'raft_peer_connected',
    type: 'gauge',
    labels: ['peer'],
    help: '1 if a connection with this member is open.',
  },
  peerReconnects: {
    name: 'raft_peer_reconnects_total',
    type: 'counter',
    labels: ['peer'],
    help: 'How often the connection with this member was lost and made again.',
  },
  snapshotSeconds: {
    name: 'raft_snapshot_seconds',
    type: 'histogram',
    labels: ['op'],
    help: "How long it took to 'take', 'fetch' or 'restore' a snapshot.",
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1000],
  },
  snapshotBytes: {
    name: 'raft_snapshot_bytes',
    type: 'gauge',
    labels: [],
    help: 'The size of the newest snapshot that was taken or installed.',
  },
  snapshotIndex: {
    name: 'raft_snapshot_index',
    type: 'gauge',
    labels: [],
    help: 'The index of the newest snapshot.',
  },
  snapshotAge: {
    name: 'raft_snapshot_age_seconds',
    type: 'gauge',
    labels: [],
    help: 'The time since a snapshot was taken or installed.',
  },
  fetchProgress: {
    name: 'raft_snapshot_fetch_progress_ratio',
    type: 'gauge',
    labels: [],
    help: 'How much of the snapshot of the leader has arrived.',
  },
  snapshotFailures: {
    name: 'raft_snapshot_failures_total',
    type: 'counter',
    labels: ['op'],
    help: "Failures to 'take' or to 'fetch' a snapshot.",
  },
  voters: {
    name: 'raft_voters',
    type: 'gauge',
    labels: [],
    help: 'Members with a vote.',
  },
  learners: {
    name: 'raft_learners',
    type: 'gauge',
    labels: [],
    help: 'Members without a vote.',
  },
  failureTolerance: {
    name: 'raft_failure_tolerance',
    type: 'gauge',
    labels: [],
    help: 'Of a leader: how many of the voters that follow it now may fail before writes stop.',
  },
  changeInProgress: {
    name: 'raft_config_change_in_progress',
    type: 'gauge',
    labels: [],
    help: '1 while a membership change is not finished.',
  },
  queueUsed: {
    name: 'raft_queue_used',
    type: 'gauge',
    labels: ['limit', 'peer'],
    help: 'How much of a bounded queue is in use; `limit` is the option that bounds it.',
  },
  queueMax: {
    name: 'raft_queue_max',
    type: 'gauge',
    labels: ['limit', 'peer'],
    help: 'The limit of that queue.',
  },
  loopDelay: {
    name: 'raft_event_loop_delay_seconds',
    type: 'gauge',
    labels: [],
    help: 'The longest delay of the event loop in the last 10 to 20 s.',
  },
  pauses: {
    name: 'raft_pause_detected_total',
    type: 'counter',
    labels: [],
    help: 'How often this node did not run for a while: its event loop was blocked, or its process or machine stopped.',
  },
  electionTimeout: {
    name: 'raft_election_timeout_min_seconds',
    type: 'gauge',
    labels: [],
    help: 'The option electionTimeoutMinMs.',
  },
  heartbeatInterval: {
    name: 'raft_heartbeat_interval_seconds',
    type: 'gauge',
    labels: [],
    help: 'The option heartbeatIntervalMs.',
  },
  alarm: {
    name: 'raft_alarm',
    type: 'gauge',
    labels: ['code', 'peer'],
    help: '1 while the alarm is raised; `peer` is empty if it is about this node.',
  },
  refusals: {
    name: 'raft_peers_refused_total',
    type: 'counter',
    labels: ['code'],
    help: 'Peers that this node refused, or that refused it, by the code of the error, such as cluster_mismatch.',
  },
} as const
