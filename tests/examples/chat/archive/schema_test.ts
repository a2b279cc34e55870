import { assertEquals, assertThrows } from "@std/assert";
import { ArchiveError } from "../../../../examples/chat/archive/archive_error.ts";
import { Database } from "../../../../examples/chat/archive/database.ts";
import { migrate, MIGRATIONS } from "../../../../examples/chat/archive/schema.ts";

/** The tables and the version of a database. */
function state(db: Database): [string[], unknown] {
  const tables = db.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'step%' ORDER BY name",
  );
  return [tables.map(({ name }) => name), db.pragma("user_version")];
}

/** The steps of the present schema, with further ones. */
function withSteps(...more: string[]): string[] {
  return [...MIGRATIONS, ...more];
}

Deno.test("migrate() makes all tables of a new store, and does nothing the second time", () => {
  using db = new Database(":memory:");
  assertEquals([migrate(db), migrate(db)], [true, false]);
  assertEquals(db.pragma("user_version"), MIGRATIONS.length);
  assertEquals(db.get<{ n: number }>("SELECT count(*) AS n FROM meta")?.n, 1);
});

Deno.test("migrate() brings a store of each older version to the present one, with its content", () => {
  const steps = withSteps("CREATE TABLE step_a (x)", "CREATE TABLE step_b (x)");
  for (let version = MIGRATIONS.length; version <= steps.length; version++) {
    using db = new Database(":memory:");
    migrate(db, steps.slice(0, version));
    db.run("INSERT INTO names VALUES ('Ann', 7)");
    assertEquals(migrate(db, steps), false);
    assertEquals(state(db), [["step_a", "step_b"], steps.length]);
    assertEquals(db.get<{ name: string }>("SELECT name FROM names")?.name, "Ann");
  }
});

Deno.test("migrate() leaves a store at the last version that it reached", () => {
  using db = new Database(":memory:");
  const bad = "CREATE TABLE step_b (x); CREATE TABLE step_b (x)";
  assertThrows(() => migrate(db, withSteps("CREATE TABLE step_a (x)", bad)));
  assertEquals(state(db), [["step_a"], MIGRATIONS.length + 1]);
});

Deno.test("migrate() refuses a newer store", () => {
  using db = new Database(":memory:");
  migrate(db, withSteps("CREATE TABLE step_a (x)"));
  const error = assertThrows(() => migrate(db), ArchiveError);
  assertEquals(error.kind, "newer");
});
