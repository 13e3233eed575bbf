BEGIN TRANSACTION;
CREATE TABLE agent(
  id INTEGER PRIMARY KEY AUTOINCREMENT, class TEXT NOT NULL, name TEXT NOT NULL, created REAL NOT NULL,
  UNIQUE(class, name)) STRICT;
INSERT INTO "agent" VALUES(1,'Greeter','user-7',1795669481.5);
CREATE TABLE agent_state(agent INTEGER PRIMARY KEY, version INTEGER NOT NULL, state BLOB NOT NULL) STRICT;
INSERT INTO "agent_state" VALUES(1,3,X'7B226E223A337D');
CREATE TABLE schema(component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT;
INSERT INTO "schema" VALUES('timers',1);
INSERT INTO "schema" VALUES('agents',1);
CREATE TABLE timer(
      id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, method TEXT NOT NULL, payload BLOB,
      kind TEXT NOT NULL, spec TEXT NOT NULL, tz TEXT NOT NULL,
      nominal INTEGER NOT NULL, due INTEGER NOT NULL,
      attempt INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL, catchup TEXT NOT NULL, key TEXT,
      state TEXT NOT NULL DEFAULT 'pending', skipped INTEGER NOT NULL DEFAULT 0, last_error TEXT) STRICT;
INSERT INTO "timer" VALUES(1,'1','greet',X'7B7D','once','','',4102444800000,4102444800000,0,3,'one','greeting','pending',0,NULL);
CREATE INDEX timer_due ON timer(due, id) WHERE state = 'pending';
CREATE INDEX timer_owner ON timer(owner, due, id);
CREATE UNIQUE INDEX timer_key ON timer(owner, key) WHERE key IS NOT NULL AND state = 'pending';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('agent',1);
INSERT INTO "sqlite_sequence" VALUES('timer',1);
COMMIT;
