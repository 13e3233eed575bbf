BEGIN TRANSACTION;
CREATE TABLE schema(component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
INSERT INTO "schema" VALUES('timers',5);
CREATE TABLE timer(
      id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, method TEXT NOT NULL, payload BLOB,
      kind TEXT NOT NULL, spec TEXT NOT NULL, tz TEXT NOT NULL,
      nominal INTEGER NOT NULL, due INTEGER NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL, catchup TEXT NOT NULL, key TEXT,
      state TEXT NOT NULL DEFAULT 'pending', skipped INTEGER NOT NULL DEFAULT 0, last_error TEXT, realm TEXT NOT NULL DEFAULT 'agents', shared INTEGER, overlap TEXT NOT NULL DEFAULT 'skip', jitter INTEGER NOT NULL DEFAULT 0, base_delay INTEGER NOT NULL DEFAULT 2000, max_delay INTEGER NOT NULL DEFAULT 600000, begun INTEGER NOT NULL DEFAULT 0, run_of INTEGER, vain INTEGER NOT NULL DEFAULT 0, crc INTEGER) STRICT;
INSERT INTO "timer" VALUES(1,'1','greet',X'7B7D','once','','',4102444800000,4102444800000,0,3,'one','greeting','pending',0,NULL,'agents',NULL,'skip',0,2000,600000,0,NULL,0,237109311);
INSERT INTO "timer" VALUES(2,'1','tick',X'7B7D','cron','0 9 * * 1','Europe/Berlin',4102444800000,4102444800000,0,7,'all','tick','pending',0,NULL,'agents',NULL,'skip',0,2000,600000,0,NULL,0,1372407286);
INSERT INTO "timer" VALUES(3,'1','tock',X'7B7D','interval','600000','',4102444800000,4102444800000,0,7,'one','tock','pending',0,NULL,'agents',NULL,'skip',0,2000,600000,0,NULL,0,2456962995);
CREATE TABLE timer_shared(id INTEGER PRIMARY KEY, payload BLOB NOT NULL) STRICT;
CREATE INDEX timer_due ON timer(realm, due, id) WHERE state = 'pending';
CREATE INDEX timer_owner ON timer(realm, owner, due, id);
CREATE UNIQUE INDEX timer_key ON timer(realm, owner, key) WHERE key IS NOT NULL AND state = 'pending';
CREATE INDEX timer_shared_by ON timer(shared) WHERE shared IS NOT NULL;
CREATE INDEX timer_run_of ON timer(run_of) WHERE run_of IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('timer',3);
COMMIT;
