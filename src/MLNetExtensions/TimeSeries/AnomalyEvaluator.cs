using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.TimeSeries;

/// <summary>Compares anomaly scores and flags with labels, series by series.</summary>
internal static class AnomalyEvaluator
{
    internal static TimeSeriesAnomalyMetrics Evaluate(IHostEnvironment env, IDataView data, string labelColumnName, string scoreColumnName, string predictedLabelColumnName, string? groupColumnName, bool pointAdjustment)
    {
        var host = env.Register(nameof(AnomalyEvaluator));
        Check.NotNull(host, data);
        Check.ColumnName(host, labelColumnName);
        Check.ColumnName(host, scoreColumnName);
        Check.ColumnName(host, predictedLabelColumnName);
        Check.Option(host, groupColumnName is not "", groupColumnName, "A column name cannot be empty");
        var score = new InputColumn<double>(scoreColumnName, "score", InputTypes.Single, InputShapes.Scalar);
        var flag = new InputColumn<float>(predictedLabelColumnName, "predicted label", InputTypes.Boolean, InputShapes.Scalar);
        List<InputColumn> columns = [LabelColumn(host, data.Schema, labelColumnName), score, flag];
        if (groupColumnName is not null)
        {
            columns.Add(RowGroups.Column(groupColumnName));
        }
        var buffers = DataReader.Read(host, data, default, columns);
        var labels = Labels(buffers[0]);
        var scores = (RowBuffer<double>)buffers[1];
        var flags = (RowBuffer<float>)buffers[2];
        var groups = RowGroups.Of(groupColumnName is null ? null : (RowBuffer<string>)buffers[3], scores.Count);

        // Series after series, so that no event reaches from one into the next.
        var (truth, flagged, ranked) = (new List<bool>(), new List<bool>(), new List<double>());
        var (adjusted, events, found) = (new List<bool>(), 0L, 0L);
        for (var group = 0; group < groups.Names.Count; group++)
        {
            int[] rows = [.. Enumerable.Range(0, groups.CountOf(group)).Select(i => groups.RowAt(group, i)).Where(row => !double.IsNaN(labels[row]) && !double.IsNaN(scores[row][0]))];
            bool[] ofGroup = [.. rows.Select(row => labels[row] > 0)];
            bool[] flagsOfGroup = [.. rows.Select(row => flags[row][0] > 0)];
            truth.AddRange(ofGroup);
            flagged.AddRange(flagsOfGroup);
            ranked.AddRange(rows.Select(row => scores[row][0]));
            adjusted.AddRange(pointAdjustment ? AnomalyScores.Adjust(ofGroup, flagsOfGroup) : flagsOfGroup);
            foreach (var one in AnomalyScores.Events(ofGroup))
            {
                events++;
                found += flagsOfGroup.AsSpan(one).Contains(true) ? 1 : 0;
            }
        }
        if (truth.Count == 0)
        {
            throw Check.BadData(host, $"None of the {scores.Count} rows can be evaluated: each needs a label in '{labelColumnName}' and a score in '{scoreColumnName}' that is not NaN.");
        }
        var (precision, recall, f1) = AnomalyScores.Agreement(truth, adjusted);
        var (area, average) = AnomalyScores.Ranking(truth, ranked);
        return new()
        {
            Precision = precision,
            Recall = recall,
            F1Score = f1,
            AreaUnderRocCurve = area,
            AveragePrecision = average,
            EventRecall = events == 0 ? double.NaN : (double)found / events,
            PointAdjustment = pointAdjustment,
            NumberOfRows = truth.Count,
            NumberOfAnomalousRows = truth.Count(value => value),
            NumberOfEvents = events,
            NumberOfFlaggedRows = flagged.Count(value => value),
            NumberOfFalseAlarms = truth.Zip(flagged).Count(pair => !pair.First && pair.Second),
            NumberOfSkippedRows = scores.Count - truth.Count,
        };
    }

    // As ML.NET's evaluator reads a label: a number, true above 0; of a key with two values the second is true, and a missing one missing.
    private static InputColumn LabelColumn(IHost host, DataViewSchema schema, string name)
    {
        if (schema.GetColumnOrNull(name)?.Type is KeyDataViewType key)
        {
            return key.Count == 2
                ? new InputColumn<ulong>(name, "label", InputTypes.Key, InputShapes.Scalar)
                : throw Check.SchemaMismatch(host, "label", name, "Single or Double or Boolean or a key of two values", key.ToString());
        }
        var label = new InputColumn<double>(name, "label", InputTypes.Number | InputTypes.Boolean, InputShapes.Scalar);
        label.Find(host, schema);
        return label;
    }

    private static double[] Labels(RowBuffer buffer)
    {
        if (buffer is not RowBuffer<ulong> keys)
        {
            return ((RowBuffer<double>)buffer).Values.ToArray();
        }
        var labels = new double[keys.Count];
        for (var row = 0; row < labels.Length; row++)
        {
            labels[row] = keys[row][0] is 1 or 2 ? keys[row][0] - 1.0 : double.NaN;
        }
        return labels;
    }
}
