using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>What a classifier is trained on: the features and the classes of the rows that have a label.</summary>
internal sealed class ClassifierData
{
    private readonly IHost _host;
    private readonly RowBuffer<ulong> _keys;
    private readonly RowBuffer<float>? _weights;

    private ClassifierData(IHost host, RowBuffer<float> features, RowBuffer<ulong> keys, RowBuffer<float>? weights, ClassLabels labels, int[] rows)
    {
        _host = host;
        _keys = keys;
        _weights = weights;
        Features = features;
        Labels = labels;
        Rows = rows;
    }

    /// <summary>The features of all rows read.</summary>
    internal RowBuffer<float> Features { get; }

    internal ClassLabels Labels { get; }

    /// <summary>The rows to train and validate on.</summary>
    internal int[] Rows { get; }

    /// <summary>Reads the columns in one pass.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">There are no rows with a label, all have the same, there are too many classes, a feature is not finite, or a weight is not finite or negative.</exception>
    /// <exception cref="OperationCanceledException">The host was told to stop.</exception>
    internal static ClassifierData Read(IHost host, IDataView data, CancellationToken cancellationToken, InputColumn<float> features, InputColumn<ulong> label, InputColumn<float>? weight = null)
    {
        var labels = ClassLabels.Of(host, label.Find(host, data.Schema));
        var buffers = DataReader.Read(host, data, cancellationToken, weight is null ? [features, label] : [features, label, weight]);
        var (values, keys, weights) = ((RowBuffer<float>)buffers[0], (RowBuffer<ulong>)buffers[1], weight is null ? null : (RowBuffer<float>)buffers[2]);
        var rows = TrainingRows.Usable(host, features.Name, label.Name, values, row => labels.IsMissing(keys[row][0]));
        if (rows.All(row => keys[row][0] == keys[rows[0]][0]))
        {
            throw Check.BadData(host, $"The label column '{label.Name}' has the same class in all {rows.Length} rows that can be trained on: there is nothing to tell apart.");
        }
        if (weights is not null)
        {
            TrainingRows.CheckWeights(host, weight!.Name, weights, rows);
        }
        return new(host, values, keys, weights, labels, rows);
    }

    /// <summary>Takes columns that were read otherwise; of few classes, there may be one.</summary>
    /// <exception cref="InvalidOperationException">There are no rows with a label, or a feature is not finite.</exception>
    internal static ClassifierData Of(IHost host, string featureColumnName, RowBuffer<float> features, string labelColumnName, RowBuffer<ulong> keys, ClassLabels labels)
        => new(host, features, keys, null, labels, TrainingRows.Usable(host, featureColumnName, labelColumnName, features, row => labels.IsMissing(keys[row][0])));

    internal bool IsWeighted => _weights is not null;

    /// <summary>The weight of one of <see cref="Rows"/>; 1 where there are none.</summary>
    internal float WeightOf(int row) => _weights is null ? 1 : _weights[row][0];

    /// <summary>The class of one of <see cref="Rows"/>, counted from 0.</summary>
    internal long ClassOf(int row) => (long)_keys[row][0] - 1;

    /// <summary>
    /// Splits the rows for training and validation so that both have the same shares of the classes, as far as whole rows allow; every class keeps a row to train on.
    /// </summary>
    /// <param name="validationFraction">The part for validation; 0: none.</param>
    /// <param name="seed">Draws the rows.</param>
    /// <exception cref="InvalidOperationException">No class has a row to spare.</exception>
    internal (int[] Training, int[] Validation) Split(double validationFraction, int seed)
    {
        if (validationFraction == 0)
        {
            return (Rows, []);
        }
        List<int> training = [];
        List<int> validation = [];
        double wanted = 0;
        // The largest class first: it can spare a row where few are wanted in all. What one class cannot spare, or a half row, is taken from the next.
        foreach (var rows in TrainingRows.Shuffle(Rows, seed).GroupBy(ClassOf).Select(rows => rows.ToArray()).OrderByDescending(rows => rows.Length).ThenBy(rows => ClassOf(rows[0])))
        {
            wanted += validationFraction * rows.Length;
            var count = Math.Min(Math.Max((int)Math.Round(wanted) - validation.Count, validation.Count == 0 ? 1 : 0), rows.Length - 1);
            validation.AddRange(rows.AsSpan(0, count));
            training.AddRange(rows.AsSpan(count));
        }
        if (validation.Count == 0)
        {
            throw Check.BadData(_host, $"There is one row for each of {training.Count} classes: none can be spared for validation. Give more rows, or set ValidationFraction to 0.");
        }
        return ([.. training], [.. validation]);
    }
}
