using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions.Tensors;

/// <summary>The columns that are compared.</summary>
internal sealed record ProbabilisticColumns(string Label, string Score, string StandardDeviation, string? Lower, string? Upper);

/// <summary>Compares normal distributions of a label with the label; rows stream by.</summary>
internal static class ProbabilisticEvaluator
{
    private const int RowsBetweenLooks = 4096;

    internal static ProbabilisticRegressionMetrics Evaluate(IHostEnvironment env, IDataView data, ProbabilisticColumns names, double confidenceLevel)
    {
        var host = env.Register(nameof(ProbabilisticEvaluator));
        Check.NotNull(host, data);
        Check.ColumnName(host, names.Label, "labelColumnName");
        Check.ColumnName(host, names.Score, "scoreColumnName");
        Check.ColumnName(host, names.StandardDeviation, "standardDeviationColumnName");
        Check.Option(host, names.Lower is not "", names.Lower, "A column name cannot be empty", "lowerColumnName");
        Check.Option(host, names.Upper is not "" && names.Upper is null == names.Lower is null, names.Upper, "Must be the name of a column together with that of the lower bounds, or null", "upperColumnName");
        Check.Option(host, confidenceLevel is > 0 and < 1, confidenceLevel, "Should be within (0, 1)");
        List<InputColumn<double>> inputs = [Column(names.Label, "label"), Column(names.Score, "score"), Column(names.StandardDeviation, "standard deviation")];
        if (names.Lower is not null)
        {
            inputs.AddRange(Column(names.Lower, "lower bound"), Column(names.Upper!, "upper bound"));
        }
        var columns = inputs.Select(input => input.Find(host, data.Schema)).ToArray();
        if (names.Lower is not null)
        {
            var (lower, upper) = (ConfidenceLevels.Of(columns[3]), ConfidenceLevels.Of(columns[4]));
            confidenceLevel = lower.Equals(upper) ? lower : throw Check.SchemaMismatch(host, "upper bound", names.Upper!, string.Create(CultureInfo.InvariantCulture, $"the confidence level of '{names.Lower}', {lower}"), upper.ToString(CultureInfo.InvariantCulture));
        }
        using var cursor = data.GetRowCursor(columns);
        var row = new RowBuffer<double>(1);
        var readers = inputs.Select((input, i) => input.Bind(cursor, columns[i], row)).ToArray();
        var sums = new Sums(confidenceLevel);
        while (cursor.MoveNext())
        {
            row.Clear();
            foreach (var read in readers)
            {
                read();
            }
            if (cursor.Position % RowsBetweenLooks == 0)
            {
                Check.Alive(host);
            }
            var values = row.Values;
            if (!TensorPrimitives.IsFiniteAll<double>(values))
            {
                sums.Skip();
                continue;
            }
            if (values[2] <= 0)
            {
                throw Check.BadData(host, string.Create(CultureInfo.InvariantCulture, $"The column '{names.StandardDeviation}' holds {values[2]} in row {cursor.Position}: standard deviations must be positive."));
            }
            sums.Add(values);
        }
        return sums.Metrics() ?? throw Check.BadData(host,
            $"None of the {sums.Skipped} rows can be evaluated: each needs a finite label in '{names.Label}', a score in '{names.Score}' and a standard deviation in '{names.StandardDeviation}'.");
    }

    private static InputColumn<double> Column(string name, string role) => new(name, role, InputTypes.Number, InputShapes.Scalar);

    private sealed class Sums(double confidenceLevel)
    {
        private readonly double _width = double.IsNaN(confidenceLevel) ? double.NaN : NormalDistribution.Quantile((1 + confidenceLevel) / 2);
        private long _rows;
        private double _squares;
        private double _absolute;
        private double _logLikelihood;
        private double _ranked;
        private double _covered;
        private double _widths;
        private double _mean;
        private double _variance;

        internal long Skipped { get; private set; }

        internal void Skip() => Skipped++;

        internal void Add(ReadOnlySpan<double> values)
        {
            var (label, score, deviation) = (values[0], values[1], values[2]);
            var (error, z) = (label - score, (label - score) / deviation);
            _squares += error * error;
            _absolute += Math.Abs(error);
            _logLikelihood += NormalDistribution.LogDensity(z) - Math.Log(deviation);
            _ranked += deviation * NormalDistribution.RankedProbabilityScore(z);
            var (lower, upper) = values.Length > 3 ? (values[3], values[4]) : (score - _width * deviation, score + _width * deviation);
            _covered += label >= lower && label <= upper ? 1 : 0;
            _widths += upper - lower;
            // Welford's, which loses no digits where the mean is large.
            var old = _mean;
            _mean += (label - old) / ++_rows;
            _variance += (label - old) * (label - _mean);
        }

        /// <summary>The means; null without any row.</summary>
        internal ProbabilisticRegressionMetrics? Metrics() => _rows == 0 ? null : new()
        {
            MeanSquaredError = _squares / _rows,
            MeanAbsoluteError = _absolute / _rows,
            RSquared = _variance > 0 ? 1 - _squares / _variance : double.NaN,
            MeanLogLikelihood = _logLikelihood / _rows,
            ContinuousRankedProbabilityScore = _ranked / _rows,
            ConfidenceLevel = confidenceLevel,
            Coverage = _covered / _rows,
            MeanIntervalWidth = _widths / _rows,
            NumberOfRows = _rows,
            NumberOfSkippedRows = Skipped,
        };
    }
}
