using Forecasting;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions;
using MLNetExtensions.Tensors;
using MLNetExtensions.TimeSeries;
using TensorCompletion;
using WebApi.Models;

namespace WebApi;

/// <summary>Small models for demonstration, each trained in seconds, on data that is made up.</summary>
internal static class DemoModels
{
    private const int Seed = 1;
    private const int Hours = 3000;
    private const int VibrationBands = 8;
    private const int RowsOfCondition = 250;

    // How strong each condition of a machine is in each band of its vibration, and how much that varies.
    private static readonly (string Name, float[] Bands)[] s_conditions =
    [
        ("bearing", [0.2f, 0.2f, 0.3f, 0.4f, 0.7f, 1.6f, 2.1f, 1.5f]),
        ("imbalance", [2.4f, 0.5f, 0.3f, 0.2f, 0.2f, 0.2f, 0.1f, 0.1f]),
        ("misalignment", [0.9f, 2.0f, 1.2f, 0.4f, 0.3f, 0.2f, 0.1f, 0.1f]),
        ("normal", [0.4f, 0.3f, 0.2f, 0.2f, 0.2f, 0.1f, 0.1f, 0.1f]),
    ];

    /// <summary>A forecaster of the hourly load of three regions, with bounds.</summary>
    public static void TrainForecaster(string path, int keptRows, CancellationToken cancellation)
    {
        var ml = new MLContext(Seed);
        var file = SafeFile.NameBeside(path);
        try
        {
            LoadData.Write(file);
            var all = CsvSeries.Load(ml, file, ["North", "South", "Harbour"]);
            float[][] rows = [.. all.GetColumn<float[]>(CsvSeries.ColumnName)];
            var series = ml.Data.SkipRows(all, rows.Length - Hours);
            using var model = ml.Forecasting.ForecastByOLinear(new OLinearEstimator.Options
            {
                InputColumnName = CsvSeries.ColumnName,
                OutputColumnName = "Forecast",
                ConfidenceLowerBoundColumnName = "Lower",
                ConfidenceUpperBoundColumnName = "Upper",
                ConfidenceLevel = 0.9,
                WindowSize = 96,
                Horizon = 24,
                Width = 32,
                NumberOfLayers = 1,
                DropoutRate = 0,
                BatchSize = 64,
                LearningRate = 3e-3,
                MaximumNumberOfEpochs = 8,
                CancellationToken = cancellation,
            }).Fit(series);
            using var stream = new MemoryStream();
            ml.Model.Save(model, series.Schema, stream);
            new ForecastState(null, rows.Length, rows[^Math.Min(keptRows, rows.Length)..]).Write(path, stream.ToArray());
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A classifier of the condition of a machine by eight bands of its vibration, which says so where it sees none of them.</summary>
    public static void TrainClassifier(string path, CancellationToken cancellation)
    {
        var ml = new MLContext(Seed);
        var random = new Random(Seed);
        var rows = from condition in s_conditions
                   from i in Enumerable.Range(0, RowsOfCondition)
                   let loudness = 0.7f + 0.6f * random.NextSingle()
                   select new Vibration { Condition = condition.Name, Features = [.. condition.Bands.Select(band => loudness * band * (0.75f + 0.5f * random.NextSingle()) + 0.05f * random.NextSingle())] };
        var data = ml.Data.LoadFromEnumerable(rows.ToArray());
        var model = ml.Transforms.Conversion.MapValueToKey("Label", nameof(Vibration.Condition))
            .Append(ml.MulticlassClassification.Trainers.EquiangularBasisVectors(new EquiangularBasisVectorsTrainer.Options
            {
                HiddenWidths = [32],
                MaximumNumberOfEpochs = 15,
                UnknownQuantile = 0.01,
                CancellationToken = cancellation,
            }))
            .Fit(data);
        // The labels are for training only: what is saved asks for the features alone.
        Save(ml, model.LastTransformer, ml.Transforms.SelectColumns(nameof(Vibration.Features)).Fit(data).Transform(data).Schema, path);
    }

    /// <summary>A model of ratings of films by users at a time of day.</summary>
    public static void TrainCompletion(string path, CancellationToken cancellation)
    {
        var ml = new MLContext(Seed);
        var data = Ratings.Generate(ml, Seed).Data;
        var model = ml.Regression.Trainers.NeuralTensorCompletion(new NeuralTensorCompletionTrainer.Options
        {
            LabelColumnName = nameof(Rating.Stars),
            ModeColumnNames = [nameof(Rating.User), nameof(Rating.Film), nameof(Rating.Time)],
            MaximumNumberOfEpochs = 20,
            CancellationToken = cancellation,
        }).Fit(data);
        Save(ml, model, data.Schema, path);
    }

    private static void Save(MLContext ml, ITransformer model, DataViewSchema schema, string path)
    {
        using var trained = (IDisposable)model;
        SafeFile.Write(path, file => ml.Model.Save(model, schema, file));
    }

    private sealed class Vibration
    {
        public string Condition { get; set; } = "";

        [VectorType(VibrationBands)]
        public float[] Features { get; set; } = [];
    }
}
