"""What the recorder does to the counts of failures, in the database: without waiting for an answer.

Every statement of a function sees what was committed before that statement, also what others held when the function
began: first the locks, in the order that analytics.patterns.models tells, then the counts.
"""

from django.db import migrations

# prints: [{fingerprint, added, first, last, moved}]: by how many failures each fingerprint grows, the earliest and the
#   latest start of those that come to it, and whether any went from it, or to another time.
# buckets: [{fingerprint, bucket_start, added}];   named: [{fingerprint, incident_id, added}];   none of them 0.
# Prints come in their order, and are locked in it, since each is found by its key: the planner would rather read the
# whole tables, of which it knows nothing while they are young, and that took three times as long.
ADD_TO_FAILURES = """
CREATE FUNCTION add_to_failures(prints json, buckets json, named json, noted_at timestamptz) RETURNS void
LANGUAGE plpgsql SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off AS $$
DECLARE
    found uuid[];
    owners uuid[];
    grown bigint[];
    firsts timestamptz[];
    lasts timestamptz[];
    uncounted uuid[];
    maybe_regressed boolean;
    expected bigint;
    taken bigint;
    emptied bigint;
BEGIN
    WITH updated AS (
        UPDATE failure_fingerprints AS stored
           SET occurrences = stored.occurrences + given.added,
               first_seen = CASE WHEN stored.occurrences + given.added <> 0
                                 THEN least(stored.first_seen, given.first) END,
               last_seen = CASE WHEN stored.occurrences + given.added <> 0
                                THEN greatest(stored.last_seen, given.last) END
          FROM json_to_recordset(prints) AS given (
                   fingerprint uuid, added bigint, first timestamptz, last timestamptz, moved boolean)
         WHERE stored.fingerprint = given.fingerprint
        RETURNING stored.fingerprint, stored.pattern_id, given.added, given.first, given.last, given.moved
    )
    SELECT array_agg(fingerprint), array_agg(pattern_id), array_agg(added), array_agg(first), array_agg(last),
           array_agg(pattern_id) FILTER (WHERE moved)
      INTO found, owners, grown, firsts, lasts, uncounted FROM updated;
    IF coalesce(cardinality(owners), 0) <> json_array_length(prints) THEN
        RAISE EXCEPTION 'no pattern owns some of these fingerprints: %', prints USING ERRCODE = 'no_data_found';
    END IF;
    SELECT bool_or(state = 'fixed') INTO maybe_regressed FROM (
        SELECT state FROM failure_patterns WHERE pattern_id = ANY (owners) ORDER BY pattern_id FOR NO KEY UPDATE
    ) AS locked;

    INSERT INTO failure_counts AS stored (fingerprint, bucket_start, occurrences)
    SELECT fingerprint, bucket_start, added
      FROM json_to_recordset(buckets) AS given (fingerprint uuid, bucket_start timestamptz, added bigint)
     WHERE added > 0
    ON CONFLICT (fingerprint, bucket_start) DO UPDATE SET occurrences = stored.occurrences + EXCLUDED.occurrences;

    -- An incident is new to a pattern when no fingerprint of the pattern has it yet. A pattern from which something went
    -- is added up again below.
    UPDATE failure_patterns AS stored
       SET occurrences = stored.occurrences + summed.added,
           incidents = stored.incidents + coalesce(gained.incidents, 0),
           first_seen = least(stored.first_seen, summed.first),
           last_seen = greatest(stored.last_seen, summed.last)
      FROM (
            SELECT pattern_id, sum(added) AS added, min(first) AS first, max(last) AS last
              FROM unnest(owners, grown, firsts, lasts) AS given (pattern_id, added, first, last)
             GROUP BY pattern_id
           ) AS summed
      LEFT JOIN (
            SELECT owner.pattern_id, count(DISTINCT given.incident_id) AS incidents
              FROM json_to_recordset(named) AS given (fingerprint uuid, incident_id text, added bigint)
              JOIN unnest(found, owners) AS owner (fingerprint, pattern_id) ON owner.fingerprint = given.fingerprint
             WHERE given.added > 0 AND NOT EXISTS (
                       SELECT FROM failure_incidents AS known
                        WHERE known.incident_id = given.incident_id AND owner.pattern_id = (
                                  SELECT its.pattern_id FROM failure_fingerprints AS its
                                   WHERE its.fingerprint = known.fingerprint))
             GROUP BY owner.pattern_id
           ) AS gained ON gained.pattern_id = summed.pattern_id
     WHERE stored.pattern_id = summed.pattern_id AND stored.pattern_id <> ALL (coalesce(uncounted, '{}'));

    INSERT INTO failure_incidents AS stored (fingerprint, incident_id, occurrences)
    SELECT fingerprint, incident_id, added
      FROM json_to_recordset(named) AS given (fingerprint uuid, incident_id text, added bigint)
     WHERE added > 0
    ON CONFLICT (fingerprint, incident_id) DO UPDATE SET occurrences = stored.occurrences + EXCLUDED.occurrences;

    IF uncounted IS NOT NULL THEN
        -- Only now, under the lock, are all seen that were counted before.
        UPDATE failure_fingerprints AS stored
           SET first_seen = (SELECT min(effective_started_at) FROM action_attempts WHERE fingerprint = stored.fingerprint),
               last_seen = (SELECT max(effective_started_at) FROM action_attempts WHERE fingerprint = stored.fingerprint)
          FROM json_to_recordset(prints) AS given (fingerprint uuid, moved boolean)
         WHERE stored.fingerprint = given.fingerprint AND given.moved AND stored.occurrences > 0;

        SELECT count(*) INTO expected FROM json_to_recordset(buckets) AS given (added bigint) WHERE added < 0;
        DELETE FROM failure_counts AS stored
         USING json_to_recordset(buckets) AS given (fingerprint uuid, bucket_start timestamptz, added bigint)
         WHERE stored.fingerprint = given.fingerprint AND stored.bucket_start = given.bucket_start
           AND stored.occurrences = -given.added;
        GET DIAGNOSTICS emptied = ROW_COUNT;
        UPDATE failure_counts AS stored SET occurrences = stored.occurrences + given.added
          FROM json_to_recordset(buckets) AS given (fingerprint uuid, bucket_start timestamptz, added bigint)
         WHERE stored.fingerprint = given.fingerprint AND stored.bucket_start = given.bucket_start AND given.added < 0;
        GET DIAGNOSTICS taken = ROW_COUNT;
        IF emptied + taken <> expected THEN
            RAISE EXCEPTION 'failure_counts does not hold what went from these buckets: %', buckets
                USING ERRCODE = 'no_data_found';
        END IF;

        SELECT count(*) INTO expected FROM json_to_recordset(named) AS given (added bigint) WHERE added < 0;
        DELETE FROM failure_incidents AS stored
         USING json_to_recordset(named) AS given (fingerprint uuid, incident_id text, added bigint)
         WHERE stored.fingerprint = given.fingerprint AND stored.incident_id = given.incident_id
           AND stored.occurrences = -given.added;
        GET DIAGNOSTICS emptied = ROW_COUNT;
        UPDATE failure_incidents AS stored SET occurrences = stored.occurrences + given.added
          FROM json_to_recordset(named) AS given (fingerprint uuid, incident_id text, added bigint)
         WHERE stored.fingerprint = given.fingerprint AND stored.incident_id = given.incident_id AND given.added < 0;
        GET DIAGNOSTICS taken = ROW_COUNT;
        IF emptied + taken <> expected THEN
            RAISE EXCEPTION 'failure_incidents does not hold what went from these incidents: %', named
                USING ERRCODE = 'no_data_found';
        END IF;
        PERFORM sum_up_failure_patterns(uncounted);
    END IF;

    IF maybe_regressed THEN
        PERFORM note_regressed(given.pattern_id, given.last, noted_at) FROM (
            SELECT pattern_id, max(last) AS last FROM unnest(owners, lasts) AS print (pattern_id, last)
             GROUP BY pattern_id
        ) AS given;
    END IF;
END
$$
"""

SUM_UP = """
CREATE FUNCTION sum_up_failure_patterns(patterns uuid[]) RETURNS void
LANGUAGE sql AS $$
    UPDATE failure_patterns AS stored
       SET occurrences = coalesce(owned.occurrences, 0), incidents = coalesce(named.incidents, 0),
           first_seen = owned.first_seen, last_seen = owned.last_seen
      FROM unnest(patterns) AS given (pattern_id)
      LEFT JOIN (
            SELECT pattern_id, sum(occurrences) AS occurrences, min(first_seen) AS first_seen, max(last_seen) AS last_seen
              FROM failure_fingerprints WHERE pattern_id = ANY (patterns) GROUP BY pattern_id
           ) AS owned ON owned.pattern_id = given.pattern_id
      LEFT JOIN (
            SELECT prints.pattern_id, count(DISTINCT incidents.incident_id) AS incidents
              FROM failure_fingerprints AS prints
              JOIN failure_incidents AS incidents ON incidents.fingerprint = prints.fingerprint
             WHERE prints.pattern_id = ANY (patterns) GROUP BY prints.pattern_id
           ) AS named ON named.pattern_id = given.pattern_id
     WHERE stored.pattern_id = given.pattern_id
$$;

COMMENT ON FUNCTION sum_up_failure_patterns IS
    'Makes the totals of these patterns what their fingerprints add up to. The patterns must be locked.'
"""

REGRESSED = """
CREATE FUNCTION note_regressed(pattern uuid, latest timestamptz, noted_at timestamptz) RETURNS void
LANGUAGE sql AS $$
    WITH regressed AS (
        UPDATE failure_patterns SET state = 'regressed', state_changed_at = noted_at, state_changed_by = 'actionlog'
         WHERE pattern_id = pattern AND state = 'fixed' AND latest > fixed_at
        RETURNING pattern_id
    )
    INSERT INTO pattern_changes (pattern_id, change, from_state, to_state, fingerprints, changed_at, changed_by, note)
    SELECT pattern_id, 'regressed', 'fixed', 'regressed', 0, noted_at, 'actionlog', '' FROM regressed
$$;

COMMENT ON FUNCTION note_regressed IS
    'A fixed pattern of which a failure started after it was fixed is regressed. The pattern must be locked.'
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0006_failure_patterns")]

    operations = [
        migrations.RunSQL(SUM_UP, "DROP FUNCTION sum_up_failure_patterns(uuid[])"),
        migrations.RunSQL(REGRESSED, "DROP FUNCTION note_regressed(uuid, timestamptz, timestamptz)"),
        migrations.RunSQL(ADD_TO_FAILURES, "DROP FUNCTION add_to_failures(json, json, json, timestamptz)"),
    ]
