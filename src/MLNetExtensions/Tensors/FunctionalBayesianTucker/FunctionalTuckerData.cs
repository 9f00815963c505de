using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>The labelled rows of data: coordinates, one for each mode, and labels.</summary>
internal sealed class FunctionalTuckerData
{
    private const int FewestModes = 2;

    private readonly string _featureColumnName;

    private FunctionalTuckerData(string featureColumnName, int modes, double[] coordinates, double[] labels)
    {
        _featureColumnName = featureColumnName;
        Modes = modes;
        Coordinates = coordinates;
        Labels = labels;
    }

    internal int Modes { get; }

    /// <summary>The coordinates as they are [rows, modes].</summary>
    internal double[] Coordinates { get; }

    internal double[] Labels { get; }

    internal static InputColumn<double> LabelColumn(string name) => new(name, "label", InputTypes.Single, InputShapes.Scalar);

    internal static InputColumn<double> FeatureColumn(string name, int? modes = null) => new(name, "feature", InputTypes.Number, InputShapes.Vector, modes);

    /// <summary>The number of modes: the slots of the feature column.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is only one.</exception>
    internal static int CountModes(IExceptionContext context, InputColumn<double> features, DataViewSchema schema)
    {
        var column = features.Find(context, schema);
        var modes = InputColumn.Width(column);
        return modes >= FewestModes ? modes : throw Check.SchemaMismatch(context, features.Role, features.Name, $"a vector of at least {FewestModes} coordinates", column.Type.ToString());
    }

    /// <summary>Reads the rows that have a label. A warning tells how many have none.</summary>
    /// <exception cref="InvalidOperationException">There are none, or a coordinate or a label of one is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal static FunctionalTuckerData Read(IHost host, IDataView data, InputColumn<double> features, InputColumn<double> label, CancellationToken cancellationToken)
    {
        var buffers = DataReader.Read(host, data, cancellationToken, features, label);
        var (coordinates, labels) = ((RowBuffer<double>)buffers[0], (RowBuffer<double>)buffers[1]);
        var rows = TrainingRows.Usable(host, features.Name, label.Name, coordinates, row => double.IsNaN(labels[row][0]));
        var modes = coordinates[0].Length;
        var (points, values) = (new double[rows.Length * modes], new double[rows.Length]);
        for (var i = 0; i < rows.Length; i++)
        {
            coordinates[rows[i]].CopyTo(points.AsSpan(i * modes));
            values[i] = labels[rows[i]][0];
            if (!double.IsFinite(values[i]))
            {
                throw Check.BadData(host, $"The label column '{label.Name}' holds an infinite value in row {rows[i]}: training needs finite values.");
            }
        }
        return new(features.Name, modes, points, values);
    }

    /// <exception cref="InvalidOperationException">A mode has fewer distinct coordinates than functions.</exception>
    internal void CheckRanks(IExceptionContext context, IReadOnlyList<int> ranks, double[] scaled)
    {
        for (var mode = 0; mode < Modes; mode++)
        {
            var distinct = new HashSet<double>();
            for (var i = mode; i < scaled.Length && distinct.Count < ranks[mode]; i += Modes)
            {
                distinct.Add(scaled[i]);
            }
            if (distinct.Count < ranks[mode])
            {
                throw Check.BadData(context, string.Create(CultureInfo.InvariantCulture,
                    $"Slot {mode} of the feature column '{_featureColumnName}' holds {distinct.Count} distinct coordinates, fewer than the rank {ranks[mode]} of this mode: give more of them, or a lower rank."));
            }
        }
    }

    /// <summary>The error of a mode without any extent.</summary>
    internal Exception Constant(IExceptionContext context, int mode, double value) => Check.BadData(context, string.Create(CultureInfo.InvariantCulture,
        $"Slot {mode} of the feature column '{_featureColumnName}' holds one distinct value, {value}, in all rows with a label: a mode needs two at least. Leave the slot out."));

    /// <summary>The error of a mode whose extent is no number.</summary>
    internal Exception TooWide(IExceptionContext context, int mode) => Check.BadData(context, string.Create(CultureInfo.InvariantCulture,
        $"Slot {mode} of the feature column '{_featureColumnName}' spans a range that is no finite number: give coordinates in other units."));
}
