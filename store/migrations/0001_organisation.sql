-- Organisations, their users and what those may do, sessions, the audit logs.
--
-- Every table with org_id has row-level security, enabled and forced (so that it binds the owner as well). A
-- transaction says for whom it works with SET LOCAL ramal.org; without it no row of any organisation is visible or can
-- be written. What must be found before an organisation is known (sign-in) has a policy of its own, for SELECT only,
-- bound to SET LOCAL ramal.platform with the purpose as its value.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION ramal_org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('ramal.org', true), '')::uuid;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION ramal_platform() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('ramal.platform', true), '');
-- +goose StatementEnd

CREATE TABLE org (
    id         uuid PRIMARY KEY,
    slug       text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$'),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    zone       text NOT NULL,
    locale     text NOT NULL DEFAULT 'pt-BR' CHECK (locale IN ('pt-BR', 'en')),
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE org ENABLE ROW LEVEL SECURITY;
ALTER TABLE org FORCE ROW LEVEL SECURITY;
CREATE POLICY own_read ON org FOR SELECT USING (id = ramal_org());
CREATE POLICY own_change ON org FOR UPDATE USING (id = ramal_org()) WITH CHECK (id = ramal_org());
CREATE POLICY core_read ON org FOR SELECT USING (ramal_platform() = 'core');
CREATE POLICY operator ON org USING (ramal_platform() = 'operator') WITH CHECK (ramal_platform() = 'operator');

CREATE TABLE role (
    org_id uuid NOT NULL REFERENCES org,
    key    text NOT NULL CHECK (key ~ '^[a-z_]{2,40}$'),
    system boolean NOT NULL DEFAULT false, -- came with the organisation: cannot be deleted
    PRIMARY KEY (org_id, key),
    CHECK (key <> 'platform_operator') -- belongs to no organisation
);
ALTER TABLE role ENABLE ROW LEVEL SECURITY;
ALTER TABLE role FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON role USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE role_permission (
    org_id     uuid NOT NULL,
    role_key   text NOT NULL,
    permission text NOT NULL CHECK (permission !~ '^platform\.'),
    PRIMARY KEY (org_id, role_key, permission),
    FOREIGN KEY (org_id, role_key) REFERENCES role ON DELETE CASCADE
);
ALTER TABLE role_permission ENABLE ROW LEVEL SECURITY;
ALTER TABLE role_permission FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON role_permission USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

CREATE TABLE app_user (
    org_id     uuid NOT NULL REFERENCES org,
    id         uuid NOT NULL,
    email      text NOT NULL CHECK (email = lower(email)),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    role_key   text,                        -- without a role nobody signs in
    status     text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
    locale     text NOT NULL DEFAULT 'pt-BR' CHECK (locale IN ('pt-BR', 'en')),
    max_attend integer NOT NULL DEFAULT 0 CHECK (max_attend >= 0), -- simultaneous digital interactions
    version    integer NOT NULL DEFAULT 1,  -- optimistic lock
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, role_key) REFERENCES role
);
-- The one index that does not begin with org_id: an address is one person on the whole platform, since sign-in asks
-- for no organisation.
CREATE UNIQUE INDEX app_user_email ON app_user (email);
ALTER TABLE app_user ENABLE ROW LEVEL SECURITY;
ALTER TABLE app_user FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON app_user USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());
CREATE POLICY sign_in ON app_user FOR SELECT USING (ramal_platform() = 'sign-in');

CREATE TABLE user_password (
    org_id  uuid NOT NULL,
    user_id uuid NOT NULL,
    hash    text NOT NULL CHECK (hash LIKE '$argon2id$%'),
    set_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, user_id),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);
ALTER TABLE user_password ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_password FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON user_password USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());
CREATE POLICY sign_in ON user_password FOR SELECT USING (ramal_platform() = 'sign-in');

CREATE TABLE session (
    org_id       uuid NOT NULL,
    token_hash   bytea NOT NULL CHECK (length(token_hash) = 32), -- SHA-256 of the token's secret
    id           uuid NOT NULL,
    user_id      uuid NOT NULL,
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    user_agent   text NOT NULL DEFAULT '' CHECK (length(user_agent) <= 400),
    address      text NOT NULL DEFAULT '' CHECK (length(address) <= 60),
    PRIMARY KEY (org_id, token_hash),
    FOREIGN KEY (org_id, user_id) REFERENCES app_user ON DELETE CASCADE
);
CREATE INDEX session_by_user ON session (org_id, user_id);
ALTER TABLE session ENABLE ROW LEVEL SECURITY;
ALTER TABLE session FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON session USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

-- Append-only. It belongs to no organisation: an address that nobody has is attacked as well. The account is a hash
-- of the address, so that the table holds no list of e-mail addresses.
CREATE TABLE login_attempt (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account bytea NOT NULL CHECK (length(account) = 32),
    address text NOT NULL CHECK (length(address) <= 60),
    at      timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('started', 'succeeded', 'failed', 'locked'))
);
CREATE INDEX login_attempt_account ON login_attempt (account, at);
CREATE INDEX login_attempt_address ON login_attempt (address, at);

-- Append-only, hash-chained per organisation: hash = SHA-256 of the previous hash and the entry's own fields.
CREATE TABLE audit_log (
    org_id      uuid NOT NULL REFERENCES org,
    seq         bigint NOT NULL,
    at          timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    object_type text NOT NULL,
    object_id   text NOT NULL,
    detail      json NOT NULL, -- json, not jsonb: the hash is over its bytes
    prev        bytea NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (org_id, seq)
);
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON audit_log USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

-- Append-only: every use of the operator's scope.
CREATE TABLE platform_audit (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    actor  text NOT NULL,
    action text NOT NULL,
    object text NOT NULL
);

CREATE TABLE break_reason (
    org_id        uuid NOT NULL REFERENCES org,
    id            uuid NOT NULL,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
    productive    boolean NOT NULL DEFAULT false,
    limit_minutes integer NOT NULL DEFAULT 0 CHECK (limit_minutes >= 0),
    position      integer NOT NULL DEFAULT 0,
    deleted_at    timestamptz, -- reasons in use are kept for the reports
    PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX break_reason_name ON break_reason (org_id, lower(name)) WHERE deleted_at IS NULL;
ALTER TABLE break_reason ENABLE ROW LEVEL SECURITY;
ALTER TABLE break_reason FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON break_reason USING (org_id = ramal_org()) WITH CHECK (org_id = ramal_org());

-- +goose Down
DROP TABLE break_reason, platform_audit, audit_log, login_attempt, session, user_password, app_user,
    role_permission, role, org;
DROP FUNCTION ramal_platform();
DROP FUNCTION ramal_org();
