using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Rows for a trained classifier, with the names of their classes, known to it or not.</summary>
/// <param name="Features">The features, as the classifier in its chain meets them.</param>
/// <param name="Names">The names; empty where they are missing.</param>
/// <param name="LabelColumnName">The column of the names.</param>
internal sealed record LabelledRows(RowBuffer<float> Features, RowBuffer<string> Names, string LabelColumnName)
{
    private const string Copied = "MLNetExtensions.ClassNames";

    /// <summary>Reads them.</summary>
    /// <param name="host">Who reads.</param>
    /// <param name="context">The context.</param>
    /// <param name="model">The chain of the classifier.</param>
    /// <param name="classifier">The classifier.</param>
    /// <param name="data">The data, as the chain takes it.</param>
    /// <param name="labelColumnName">The column of the names; null = that of the training.</param>
    /// <param name="cancellation">Cancels the reading.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    internal static LabelledRows Read(IHost host, MLContext context, ITransformer model, EquiangularBasisVectorsTransformer classifier, IDataView data, string? labelColumnName, CancellationToken cancellation)
    {
        var name = labelColumnName ?? classifier.LabelColumnName;
        var column = new InputColumn<string>(name, "label", InputTypes.Key | InputTypes.Text, InputShapes.Scalar);
        // A mapping to keys on the way to the classifier knows the old names only.
        if (data.Schema.GetColumnOrNull(name) is { } found && (found.Type is TextDataViewType or KeyDataViewType || labelColumnName is not null))
        {
            column.Find(host, data.Schema);
            data = context.Transforms.CopyColumns(Copied, name).Fit(data).Transform(data);
            column = column with { Name = Copied };
        }
        data = TransformerTree.TransformUpTo(model, classifier, data);
        column.Find(host, data.Schema);
        var features = (InputColumn<float>)classifier.Inputs[0];
        EbvInput.CheckSize(host, features, data.Schema, classifier.Input.Image);
        var buffers = DataReader.Read(host, data, cancellation, features, column);
        return new((RowBuffer<float>)buffers[0], (RowBuffer<string>)buffers[1], name);
    }

    /// <summary>The rows with a known name.</summary>
    /// <exception cref="InvalidOperationException">There are none, or a feature is not finite.</exception>
    internal ClassifierData Of(IHost host, string featureColumnName, ClassLabels labels)
    {
        var keys = new RowBuffer<ulong>(1, Names.Count);
        for (var row = 0; row < Names.Count; row++)
        {
            keys.Add(1)[0] = (ulong)(labels.IndexOf(Names[row][0]) + 1);
        }
        return ClassifierData.Of(host, featureColumnName, Features, LabelColumnName, keys, labels);
    }
}
