using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Tensors;
using Samples;

namespace TensorDecomposition;

/// <summary>Training: from a file to a model.</summary>
internal static partial class ContinuousField
{
    /// <summary>Loads the rows of a file that have all coordinates.</summary>
    public static Measurement[] LoadRows(string path, IReadOnlyList<string> coordinateColumns, string valueColumn)
    {
        var table = SeriesFile.Load(path);
        var values = SeriesFile.Numbers(table, path, valueColumn);
        var coordinates = coordinateColumns.Select(column => SeriesFile.Numbers(table, path, column)).ToArray();
        return [.. values.Select((value, row) => new Measurement { Coordinates = [.. coordinates.Select(column => (double)column[row])], Value = value }).Where(row => row.Coordinates.All(double.IsFinite))];
    }

    /// <summary>Shows rows to ML.NET: the number of coordinates is known at run time only.</summary>
    public static IDataView View(MLContext mlContext, Measurement[] rows, int coordinates)
    {
        var definition = SchemaDefinition.Create(typeof(Measurement));
        definition[nameof(Measurement.Coordinates)].ColumnType = new VectorDataViewType(NumberDataViewType.Double, coordinates);
        return mlContext.Data.LoadFromEnumerable(rows, definition);
    }

    /// <summary>Builds the pipeline. Append it to your own transforms, or yours to it.</summary>
    public static IEstimator<FunctionalBayesianTuckerTransformer> BuildPipeline(MLContext mlContext, FieldSettings settings, IProgress<TuckerTrainingProgress> progress)
        => mlContext.Regression.Trainers.FunctionalBayesianTucker(new FunctionalBayesianTuckerTrainer.Options
        {
            LabelColumnName = nameof(Measurement.Value),
            FeatureColumnName = nameof(Measurement.Coordinates),
            Form = settings.Form,
            Rank = settings.Rank,
            Smoothness = settings.Smoothness,
            // How fast each coordinate counts is not known before: the bound on the evidence tells.
            SelectLengthScales = true,
            MaximumNumberOfIterations = settings.MaximumNumberOfIterations,
            ConfidenceLowerBoundColumnName = nameof(Prediction.Lower),
            ConfidenceUpperBoundColumnName = nameof(Prediction.Upper),
            Progress = progress,
            CancellationToken = settings.CancellationToken,
        });

    /// <summary>Trains the pipeline.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static FunctionalBayesianTuckerTransformer TrainModel(MLContext mlContext, IDataView trainData, FieldSettings settings, IProgress<TuckerTrainingProgress> progress)
        => BuildPipeline(mlContext, settings, progress).Fit(trainData);

    /// <summary>Saves the model as an ML.NET file.</summary>
    public static void SaveModel(MLContext mlContext, ITransformer model, IDataView data, string modelSavePath)
        => mlContext.Model.Save(model, data.Schema, modelSavePath);
}

/// <summary>A value measured somewhere at some time.</summary>
internal sealed class Measurement
{
    public double[] Coordinates { get; set; } = [];

    public float Value { get; set; }
}
