-- Queues, extensions, flows, numbers: what calls are routed by.

-- +goose Up
CREATE TABLE queue (
    org_id             uuid NOT NULL REFERENCES org,
    id                 uuid NOT NULL,
    name               text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    media              text NOT NULL DEFAULT 'voice'
                       CHECK (media IN ('voice', 'chat', 'whatsapp', 'email', 'mercadolivre', 'generic')),
    active             boolean NOT NULL DEFAULT true,
    target_pct         integer NOT NULL DEFAULT 80 CHECK (target_pct BETWEEN 0 AND 100), -- service level
    target_s           integer NOT NULL DEFAULT 20 CHECK (target_s >= 0),
    short_abandon_s    integer NOT NULL DEFAULT 3 CHECK (short_abandon_s >= 0),
    max_wait_s         integer CHECK (max_wait_s > 0),
    max_length         integer CHECK (max_length > 0),
    inactivity_close_s integer CHECK (inactivity_close_s > 0),
    distribution       text NOT NULL DEFAULT 'longest_idle'
                       CHECK (distribution IN ('longest_idle', 'round_robin', 'ring_all', 'skill_priority')),
    priority_weight    integer NOT NULL DEFAULT 0,
    ring_timeout_s     integer NOT NULL DEFAULT 20 CHECK (ring_timeout_s BETWEEN 1 AND 300),
    wrapup_s           integer NOT NULL DEFAULT 0 CHECK (wrapup_s BETWEEN 0 AND 3600),
    music              text NOT NULL DEFAULT '', -- below the media directory; empty: the system's first piece
    record             boolean NOT NULL DEFAULT true,
    version            integer NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    deleted_at         timestamptz, -- deleted queues stay in reports
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX queue_name ON queue (org_id, lower(name)) WHERE deleted_at IS NULL;
ALTER TABLE queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE queue FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON queue USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE user_queue (
    org_id   uuid NOT NULL,
    user_id  uuid NOT NULL,
    queue_id uuid NOT NULL,
    priority smallint NOT NULL DEFAULT 1 CHECK (priority BETWEEN 1 AND 5),
    PRIMARY KEY (org_id, user_id, queue_id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE,
    FOREIGN KEY (org_id, queue_id) REFERENCES queue -- a queue with users cannot be deleted
);
CREATE INDEX user_queue_queue ON user_queue (org_id, queue_id);
ALTER TABLE user_queue ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_queue FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON user_queue USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE extension (
    org_id     uuid NOT NULL,
    user_id    uuid NOT NULL,
    sip        text NOT NULL CHECK (sip ~ '^[a-z0-9][a-z0-9._-]{0,31}$'),
    ha1        text NOT NULL CHECK (ha1 ~ '^[0-9a-f]{32}$'), -- what the switch needs for RFC 2617; a secret
    rotated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);
-- Not by org_id: there is one SIP domain, so an extension is one on the whole platform.
CREATE UNIQUE INDEX extension_sip ON extension (sip);
ALTER TABLE extension ENABLE ROW LEVEL SECURITY;
ALTER TABLE extension FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON extension USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE ivr_flow (
    org_id     uuid NOT NULL REFERENCES org,
    id         uuid NOT NULL,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX ivr_flow_name ON ivr_flow (org_id, lower(name)) WHERE deleted_at IS NULL;
ALTER TABLE ivr_flow ENABLE ROW LEVEL SECURITY;
ALTER TABLE ivr_flow FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON ivr_flow USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE ivr_flow_version (
    org_id       uuid NOT NULL,
    flow_id      uuid NOT NULL,
    version      integer NOT NULL CHECK (version > 0),
    status       text NOT NULL CHECK (status IN ('draft', 'published')),
    document     jsonb NOT NULL,
    created_by   text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    PRIMARY KEY (org_id, flow_id, version),
    FOREIGN KEY (org_id, flow_id) REFERENCES ivr_flow,
    CHECK ((status = 'published') = (published_at IS NOT NULL))
);
CREATE UNIQUE INDEX ivr_flow_version_draft ON ivr_flow_version (org_id, flow_id) WHERE status = 'draft';
ALTER TABLE ivr_flow_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE ivr_flow_version FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON ivr_flow_version USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

-- Facts refer to a version by its number: what was published never changes.
-- +goose StatementBegin
CREATE FUNCTION ivr_flow_version_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'published' THEN
        RAISE EXCEPTION 'flow % version % is published and cannot change', OLD.flow_id, OLD.version
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
-- +goose StatementEnd
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON ivr_flow_version
    FOR EACH ROW EXECUTE FUNCTION ivr_flow_version_frozen();

CREATE TABLE phone_number (
    org_id  uuid NOT NULL REFERENCES org,
    number  text NOT NULL CHECK (number ~ '^[0-9*#]{1,32}$'), -- E.164 without the plus, or a short code
    label   text NOT NULL DEFAULT '' CHECK (length(label) <= 120),
    flow_id uuid NOT NULL,
    PRIMARY KEY (org_id, number),
    FOREIGN KEY (org_id, flow_id) REFERENCES ivr_flow
);
-- Not by org_id: a number leads to one organisation of the platform.
CREATE UNIQUE INDEX phone_number_number ON phone_number (number);
ALTER TABLE phone_number ENABLE ROW LEVEL SECURITY;
ALTER TABLE phone_number FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON phone_number USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

-- +goose Down
DROP TABLE phone_number, ivr_flow_version, ivr_flow, extension, user_queue, queue;
DROP FUNCTION ivr_flow_version_frozen();
