using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>The rows of data as known cells: those with a label, a weight above 0 and a key in every mode; split for training and validation.</summary>
internal sealed class TensorData
{
    private readonly int[] _index;
    private readonly double[] _values;
    private readonly float[]? _weights;

    private TensorData(ModeEntities[] modes, int[] entities, int[] index, double[] values, float[]? weights, int[] training, int[] validation, long[] rows)
    {
        (Modes, Entities, Training, Validation, Rows) = (modes, entities, training, validation, rows);
        (_index, _values, _weights) = (index, values, weights);
    }

    /// <summary>The entities that training cells have.</summary>
    internal ModeEntities[] Modes { get; }

    /// <summary>D_n: those of <see cref="Modes"/>, and behind them those that only validation cells have.</summary>
    internal int[] Entities { get; }

    /// <summary>The numbers of the cells to train on, ascending.</summary>
    internal int[] Training { get; }

    /// <summary>The numbers of the cells to validate on.</summary>
    internal int[] Validation { get; }

    /// <summary>The row of each training cell in its data.</summary>
    internal long[] Rows { get; }

    /// <summary>The entities of the training cells, one cell after the other.</summary>
    internal int[] TrainingIndex => [.. Training.SelectMany(cell => _index.AsSpan(cell * Modes.Length, Modes.Length).ToArray())];

    /// <summary>Mean and deviation of the training values, as far as they are taken out.</summary>
    internal ColumnScaler FitScaler(TensorScaling scaling)
    {
        if (scaling == TensorScaling.None)
        {
            return ColumnScaler.None(1);
        }
        var scaler = ColumnScaler.Fit([.. Training.Select(cell => _values[cell])], 1);
        return scaling == TensorScaling.ZScore ? scaler : new([0], scaler.Deviations);
    }

    /// <summary>The cells with scaled values.</summary>
    internal TensorCells Cells(ColumnScaler scaler) => new(Modes.Length, _index, [.. _values.Select(value => scaler.Standardize(value, 0))], _weights);

    internal static InputColumn<double> LabelColumn(string name) => new(name, "label", InputTypes.Single, InputShapes.Scalar);

    /// <summary>Reads the rows of data, in one pass.</summary>
    /// <param name="host">Who trains.</param>
    /// <param name="training">The data to train on.</param>
    /// <param name="validation">The data to validate on; null = a part of <paramref name="training"/>.</param>
    /// <param name="modes">The names of the mode columns.</param>
    /// <param name="label">The label column.</param>
    /// <param name="weight">The weight column; null = none.</param>
    /// <param name="validationFraction">The part to validate on, if there is no data for it; 0 = none.</param>
    /// <param name="seed">Draws this part.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ArgumentOutOfRangeException">A mode has keys without values in one of the data and names in the other.</exception>
    /// <exception cref="InvalidOperationException">There are too few rows, a label is infinite, or a weight is not finite or negative.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal static TensorData Read(IHost host, IDataView training, IDataView? validation, IReadOnlyList<string> modes, InputColumn<double> label, InputColumn<float>? weight, double validationFraction, int seed, CancellationToken cancellationToken)
    {
        var collectors = modes.Select(_ => new EntityCollector()).ToArray();
        InputColumn[] columns = [.. modes.Zip(collectors, (name, collector) => new ModeColumn(name, collector)), label, .. weight is null ? Array.Empty<InputColumn>() : [weight]];
        var parts = new List<Part> { Part.Read(host, training, columns, modes.Count, "training", cancellationToken) };
        if (validation is not null)
        {
            CheckKinds(host, columns[..modes.Count], training.Schema, validation.Schema);
            parts.Add(Part.Read(host, validation, columns, modes.Count, "validation", cancellationToken));
        }
        var count = parts.Sum(part => part.Rows.Length);
        var index = new int[count * modes.Count];
        var values = new double[count];
        var weights = weight is null ? null : new float[count];
        var cell = 0;
        foreach (var part in parts)
        {
            foreach (var row in part.Rows)
            {
                for (var mode = 0; mode < modes.Count; mode++)
                {
                    index[cell * modes.Count + mode] = part.Modes[mode].Values[row];
                }
                values[cell] = part.Labels.Values[row];
                if (weights is not null)
                {
                    weights[cell] = part.Weights!.Values[row];
                }
                cell++;
            }
        }
        int[] own = [.. Enumerable.Range(0, parts[0].Rows.Length)];
        var (train, valid) = validation is null ? TrainingRows.Split(host, own, validationFraction, seed) : (own, [.. Enumerable.Range(own.Length, count - own.Length)]);
        Array.Sort(train);
        var entities = new ModeEntities[modes.Count];
        var counts = new int[modes.Count];
        for (var mode = 0; mode < modes.Count; mode++)
        {
            (entities[mode], counts[mode]) = Number(collectors[mode], index, mode, modes.Count, train, valid);
        }
        return new(entities, counts, index, values, weights, train, valid, [.. train.Select(row => (long)parts[0].Rows[row])]);
    }

    /// <summary>Numbers the entities of a mode anew: those of training cells first, then those that only validation cells have, and nothing for others.</summary>
    private static (ModeEntities Entities, int Count) Number(EntityCollector collector, int[] index, int mode, int order, int[] train, int[] valid)
    {
        var isUsed = new bool[collector.Count];
        int[] seen = Take(train);
        int[] only = Take(valid);
        var numbers = new int[collector.Count];
        foreach (var (number, entity) in seen.Concat(only).Index())
        {
            numbers[entity] = number;
        }
        for (var i = mode; i < index.Length; i += order)
        {
            index[i] = numbers[index[i]];
        }
        return (collector.Take(seen), seen.Length + only.Length);

        int[] Take(int[] cells)
        {
            var found = new List<int>();
            foreach (var cell in cells)
            {
                var entity = index[cell * order + mode];
                if (!isUsed[entity])
                {
                    isUsed[entity] = true;
                    found.Add(entity);
                }
            }
            return collector.Sort(found);
        }
    }

    private static void CheckKinds(IHost host, InputColumn[] modes, DataViewSchema training, DataViewSchema validation)
    {
        foreach (var mode in modes)
        {
            var (column, other) = (mode.Find(host, training), mode.Find(host, validation));
            if (HasNames(column) != HasNames(other))
            {
                throw Check.SchemaMismatch(host, mode.Role, mode.Name, HasNames(column) ? "a key with values, Integer or String" : "a key without values", other.Type.ToString());
            }
        }

        static bool HasNames(DataViewSchema.Column column) => column.Type is not KeyDataViewType || KeyVocabulary.Of(column).Values is not null;
    }

    /// <summary>The columns of data, and the rows that are cells.</summary>
    private sealed record Part(RowBuffer<int>[] Modes, RowBuffer<double> Labels, RowBuffer<float>? Weights, int[] Rows)
    {
        internal static Part Read(IHost host, IDataView data, InputColumn[] columns, int order, string what, CancellationToken cancellationToken)
        {
            var buffers = DataReader.Read(host, data, cancellationToken, columns);
            var label = columns[order].Name;
            RowBuffer<int>[] modes = [.. buffers.Take(order).Cast<RowBuffer<int>>()];
            var labels = (RowBuffer<double>)buffers[order];
            var weights = buffers.Count > order + 1 ? (RowBuffer<float>)buffers[order + 1] : null;
            int[] labelled = [.. Enumerable.Range(0, labels.Count).Where(row => !double.IsNaN(labels.Values[row]))];
            if (labelled.Length == 0)
            {
                throw Check.BadData(host, labels.Count == 0
                    ? $"The {what} data has no rows."
                    : $"No row of the {what} data can be used: the label column '{label}' is missing in all {labels.Count} rows.");
            }
            foreach (var row in labelled)
            {
                if (!double.IsFinite(labels.Values[row]))
                {
                    throw Check.BadData(host, $"The label column '{label}' holds an infinite value in row {row}: training needs finite values.");
                }
            }
            if (weights is not null)
            {
                TrainingRows.CheckWeights(host, columns[order + 1].Name, weights, labelled);
            }
            int[] rows = [.. labelled.Where(row => modes.All(mode => mode.Values[row] >= 0) && (weights is null || weights.Values[row] > 0))];
            if (rows.Length < labels.Count)
            {
                using var channel = host.Start("Train");
                channel.Warning($"{labels.Count - rows.Length} of {labels.Count} rows of the {what} data are not used: {labels.Count - labelled.Length} have no label in '{label}', the others no key in one of '{string.Join("', '", columns.Take(order).Select(column => column.Name))}', or the weight 0.");
            }
            return rows.Length > 0 ? new(modes, labels, weights, rows) : throw Check.BadData(host, $"No row of the {what} data can be used: every row with a label lacks a key in a mode column, or has the weight 0.");
        }
    }
}
