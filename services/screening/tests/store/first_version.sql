-- A database of the first version, with a card, an answer, a trace. Never changed: what is released must upgrade.
CREATE TABLE screening_schema (version_num VARCHAR(32) NOT NULL, CONSTRAINT screening_schema_pkc PRIMARY KEY (version_num));
INSERT INTO screening_schema VALUES ('0001');
CREATE TABLE screening_card (
    uuid VARCHAR(36) NOT NULL, client VARCHAR(64) NOT NULL, tenant VARCHAR(500) NOT NULL, suggestions TEXT NOT NULL,
    service VARCHAR(128) NOT NULL, hook VARCHAR(64) NOT NULL, module VARCHAR(64) NOT NULL, state VARCHAR(64) NOT NULL,
    indicator VARCHAR(16) NOT NULL, mode VARCHAR(16) NOT NULL, rules_version VARCHAR(100) NOT NULL,
    patient VARCHAR(64) NOT NULL, shown TEXT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
    times INTEGER NOT NULL, CONSTRAINT screening_card_pk PRIMARY KEY (uuid, client, tenant)
);
CREATE INDEX screening_card_patient ON screening_card (patient);
CREATE INDEX screening_card_last_at ON screening_card (last_at);
INSERT INTO screening_card VALUES (
    '6f1b6c1e-0000-5000-8000-000000000001', 'example-ehr', '', '[]', 'dystonia-patient-view', 'patient-view', 'B12',
    'ABNORMAL', 'warning', 'shown', '2026.11.1', 'the key of a patient', '{"module":"B12"}', 1795348800123456,
    1795348800123456, 1
);
CREATE TABLE screening_feedback (
    card VARCHAR(66) NOT NULL, client VARCHAR(64) NOT NULL, tenant VARCHAR(500) NOT NULL, digest VARCHAR(64) NOT NULL,
    service VARCHAR(128) NOT NULL, outcome VARCHAR(16) NOT NULL, reason VARCHAR(64) NOT NULL,
    their_reason VARCHAR(64) NOT NULL, suggestions TEXT NOT NULL, shown TEXT, comment TEXT, at BIGINT NOT NULL,
    received_at BIGINT NOT NULL, CONSTRAINT screening_feedback_pk PRIMARY KEY (card, client, tenant, digest)
);
CREATE INDEX screening_feedback_received_at ON screening_feedback (received_at);
INSERT INTO screening_feedback VALUES (
    '6f1b6c1e-0000-5000-8000-000000000001', 'example-ehr', '', 'a digest', 'dystonia-patient-view', 'overridden',
    'deferred', '', '[]', NULL, NULL, 1795348800123456, 1795348800123456
);
CREATE TABLE screening_scope (
    client VARCHAR(64) NOT NULL, tenant VARCHAR(500) NOT NULL, fhir_server VARCHAR(500) NOT NULL,
    CONSTRAINT screening_scope_pk PRIMARY KEY (client, tenant, fhir_server)
);
INSERT INTO screening_scope VALUES ('example-ehr', '', 'https://ehr.example/fhir');
CREATE TABLE screening_trace (
    id INTEGER NOT NULL PRIMARY KEY, hook_instance VARCHAR(36) NOT NULL, client VARCHAR(64) NOT NULL,
    tenant VARCHAR(500) NOT NULL, service VARCHAR(128) NOT NULL, hook VARCHAR(64) NOT NULL,
    outcome VARCHAR(32) NOT NULL, patient VARCHAR(64) NOT NULL, at BIGINT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX screening_trace_hook_instance ON screening_trace (hook_instance);
CREATE INDEX screening_trace_patient ON screening_trace (patient);
CREATE INDEX screening_trace_at ON screening_trace (at);
INSERT INTO screening_trace VALUES (
    1, 'd1577c69-dfbe-44ad-ba6d-3e05e953b2ea', 'example-ehr', '', 'dystonia-patient-view', 'patient-view', 'cards',
    'the key of a patient', 1795348800123456, '{}'
);
CREATE TABLE screening_chore (
    name VARCHAR(64) NOT NULL, done_at BIGINT NOT NULL, CONSTRAINT screening_chore_pk PRIMARY KEY (name)
);
