"""The functions by which counts are added to the rollups. See analytics.rollups.add_to_stored."""

from django.db import migrations

# Adds added[i] to the element of the histogram whose subscript is bins[i].
ADD_TO_HISTOGRAM = """
CREATE FUNCTION add_to_histogram(histogram integer[], bins integer[], added integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR i IN 1 .. cardinality(bins) LOOP
        histogram[bins[i]] := coalesce(histogram[bins[i]], 0) + added[i];
    END LOOP;
    RETURN histogram;
END
$$
"""

# Adds a histogram to another. What is added spans few bins, and it alone is walked through.
ADD_HISTOGRAMS = """
CREATE FUNCTION add_histograms(histogram integer[], added integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR bin IN array_lower(added, 1) .. array_upper(added, 1) LOOP
        IF added[bin] <> 0 THEN
            histogram[bin] := coalesce(histogram[bin], 0) + added[bin];
        END IF;
    END LOOP;
    RETURN histogram;
END
$$
"""

# Adds each element of a JSON array of deltas to the row of the same key, in the order of the array. A row is
# updated first and inserted only when it is missing, since a delta may hold negative counts, which no new row may.
ADD_TO_RESOLUTION_METRICS = """
CREATE FUNCTION add_to_resolution_metrics(deltas json) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    delta record;
BEGIN
    FOR delta IN
        SELECT * FROM json_to_recordset(deltas) AS element (
            bucket_start timestamptz, subject text, action_type text, incident_type text, engine text,
            environment text, dimensions_digest uuid,
            pending bigint, in_progress bigint, abandoned bigint, success bigint, failed bigint, skipped bigint,
            cancelled bigint, resolved bigint, escalated bigint, bins integer[], added integer[]
        )
    LOOP
        LOOP
            UPDATE resolution_metrics AS stored
               SET pending = stored.pending + coalesce(delta.pending, 0),
                   in_progress = stored.in_progress + coalesce(delta.in_progress, 0),
                   abandoned = stored.abandoned + coalesce(delta.abandoned, 0),
                   success = stored.success + coalesce(delta.success, 0),
                   failed = stored.failed + coalesce(delta.failed, 0),
                   skipped = stored.skipped + coalesce(delta.skipped, 0),
                   cancelled = stored.cancelled + coalesce(delta.cancelled, 0),
                   resolved = stored.resolved + coalesce(delta.resolved, 0),
                   escalated = stored.escalated + coalesce(delta.escalated, 0),
                   durations = add_to_histogram(stored.durations, delta.bins, delta.added)
             WHERE stored.bucket_start = delta.bucket_start
               AND stored.dimensions_digest = delta.dimensions_digest;
            EXIT WHEN FOUND;
            -- Another recorder may insert it meanwhile: then this inserts nothing, and the next turn updates.
            INSERT INTO resolution_metrics (
                bucket_start, subject, action_type, incident_type, engine, environment, dimensions_digest,
                pending, in_progress, abandoned, success, failed, skipped, cancelled, resolved, escalated, durations
            ) VALUES (
                delta.bucket_start, delta.subject, delta.action_type, delta.incident_type, delta.engine,
                delta.environment, delta.dimensions_digest,
                coalesce(delta.pending, 0), coalesce(delta.in_progress, 0), coalesce(delta.abandoned, 0),
                coalesce(delta.success, 0), coalesce(delta.failed, 0), coalesce(delta.skipped, 0),
                coalesce(delta.cancelled, 0), coalesce(delta.resolved, 0), coalesce(delta.escalated, 0),
                add_to_histogram('{}', delta.bins, delta.added)
            ) ON CONFLICT (bucket_start, dimensions_digest) DO NOTHING;
            EXIT WHEN FOUND;
        END LOOP;
    END LOOP;
END
$$
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0001_initial")]

    operations = [
        migrations.RunSQL(ADD_TO_HISTOGRAM, "DROP FUNCTION add_to_histogram(integer[], integer[], integer[])"),
        migrations.RunSQL(ADD_HISTOGRAMS, "DROP FUNCTION add_histograms(integer[], integer[])"),
        migrations.RunSQL(ADD_TO_RESOLUTION_METRICS, "DROP FUNCTION add_to_resolution_metrics(json)"),
    ]
