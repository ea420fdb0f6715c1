-- What happened. The two event tables are the truth and append-only (the application has neither UPDATE nor DELETE on
-- them); interaction and recording are derived from them and can be rebuilt. Interaction IDs are UUIDv7, which rise
-- with time, so that the primary keys below serve "newest first" and can become range partitions by month later.

-- +goose Up
CREATE TABLE interaction_event (
    org_id         uuid NOT NULL,
    interaction_id uuid NOT NULL,
    seq            integer NOT NULL CHECK (seq > 0),
    at             timestamptz NOT NULL,
    kind           text NOT NULL,
    version        smallint NOT NULL CHECK (version > 0),
    data           jsonb NOT NULL, -- no personal value: see interaction_party
    PRIMARY KEY (org_id, interaction_id, seq)
);
ALTER TABLE interaction_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE interaction_event FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON interaction_event USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE agent_event (
    org_id         uuid NOT NULL,
    agent_id       uuid NOT NULL,
    id             uuid NOT NULL, -- UUIDv7: rises with time, also between two lives of the core
    at             timestamptz NOT NULL,
    state          text NOT NULL,
    version        smallint NOT NULL CHECK (version > 0),
    reason         text NOT NULL DEFAULT '',
    interaction_id uuid,
    queue_id       uuid,
    PRIMARY KEY (org_id, agent_id, id)
);
CREATE INDEX agent_event_at ON agent_event (org_id, at);
ALTER TABLE agent_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE agent_event FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON agent_event USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE interaction (
    org_id          uuid NOT NULL,
    id              uuid NOT NULL,
    protocol        text,
    media           text NOT NULL DEFAULT 'voice',
    direction       text NOT NULL DEFAULT 'inbound' CHECK (direction IN ('inbound', 'outbound')),
    dialled         text NOT NULL DEFAULT '',
    switch_node     text NOT NULL DEFAULT '',
    caller_leg      uuid, -- the switch's name of the caller's leg, so that a restarted core can ask for it
    phase           text NOT NULL DEFAULT 'arriving',
    flow_id         uuid,
    flow_version    integer NOT NULL DEFAULT 0,
    flow_node       text NOT NULL DEFAULT '',
    path            jsonb NOT NULL DEFAULT '[]',
    queue_id        uuid,
    priority        integer NOT NULL DEFAULT 0,
    agent_id        uuid,
    missed          integer NOT NULL DEFAULT 0,
    started_at      timestamptz NOT NULL,
    answered_at     timestamptz,
    queued_at       timestamptz,
    talk_started_at timestamptz,
    talk_ended_at   timestamptz,
    ended_at        timestamptz,
    since_at        timestamptz,
    ended_by        text NOT NULL DEFAULT '',
    cause           text NOT NULL DEFAULT '',
    outcome         text NOT NULL DEFAULT '',
    recording       text NOT NULL DEFAULT '',
    facts           integer NOT NULL DEFAULT 0, -- last event folded in: a state only moves forward
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX interaction_protocol ON interaction (org_id, protocol);
CREATE INDEX interaction_agent ON interaction (org_id, agent_id, id);
CREATE INDEX interaction_started ON interaction (org_id, started_at);
CREATE INDEX interaction_open ON interaction (org_id, id) WHERE phase <> 'ended';
ALTER TABLE interaction ENABLE ROW LEVEL SECURITY;
ALTER TABLE interaction FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON interaction USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

-- Personal values, apart from the log, so that a person can be erased without touching it.
CREATE TABLE interaction_party (
    org_id         uuid NOT NULL,
    interaction_id uuid NOT NULL,
    role           text NOT NULL CHECK (role IN ('caller')),
    number         text NOT NULL DEFAULT '',
    name           text NOT NULL DEFAULT '',
    erased_at      timestamptz,
    PRIMARY KEY (org_id, interaction_id, role)
);
ALTER TABLE interaction_party ENABLE ROW LEVEL SECURITY;
ALTER TABLE interaction_party FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON interaction_party USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE recording (
    org_id         uuid NOT NULL,
    interaction_id uuid NOT NULL,
    path           text NOT NULL, -- below the recordings directory
    started_at     timestamptz NOT NULL,
    closed_at      timestamptz,
    PRIMARY KEY (org_id, interaction_id, path)
);
ALTER TABLE recording ENABLE ROW LEVEL SECURITY;
ALTER TABLE recording FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON recording USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE protocol_counter (
    org_id uuid NOT NULL REFERENCES org,
    day    date NOT NULL, -- in the organisation's zone
    last   integer NOT NULL CHECK (last > 0),
    PRIMARY KEY (org_id, day)
);
ALTER TABLE protocol_counter ENABLE ROW LEVEL SECURITY;
ALTER TABLE protocol_counter FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON protocol_counter USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

-- +goose Down
DROP TABLE protocol_counter, recording, interaction_party, interaction, agent_event, interaction_event;
