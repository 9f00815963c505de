using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.Onnx;
using MLNetExtensions.Tensors;
using MLNetExtensions.Torch;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

[assembly: SavedTransformer<FunctionalBayesianTuckerTransformer>("Functional Bayesian Tucker Transformer", FunctionalBayesianTuckerTransformer.LoaderName)]

namespace MLNetExtensions.Tensors;

/// <summary>A function of several coordinates learned by <see cref="FunctionalBayesianTuckerTrainer"/>.</summary>
public sealed class FunctionalBayesianTuckerTransformer : FeatureScoringTransformer<FunctionalBayesianTuckerTransformer>, ISavedTransformer<FunctionalBayesianTuckerTransformer>
{
    internal const string LoaderName = "MLNetExtFunctionalTucker";

    private static readonly ModelSignature s_signature = new("FUNTUCKR", LoaderName);

    private readonly FunctionalTuckerPosterior _posterior;
    private readonly FunctionalTuckerScaling _scaling;
    private readonly SavedTuckerSettings _settings;
    private readonly FunctionalTuckerOutputs _outputs;

    internal FunctionalBayesianTuckerTransformer(IHost host, FunctionalTuckerPosterior posterior, FunctionalTuckerScaling scaling, SavedTuckerSettings settings, FunctionalTuckerOutputs outputs,
        string featureColumnName, string labelColumnName)
        : base(host)
    {
        _posterior = posterior;
        _scaling = scaling;
        _settings = settings;
        _outputs = outputs;
        FeatureColumnName = featureColumnName;
        LabelColumnName = labelColumnName;
        Inputs = [FunctionalTuckerData.FeatureColumn(featureColumnName, scaling.Modes)];
    }

    static ModelSignature ISavedTransformer<FunctionalBayesianTuckerTransformer>.ModelSignature => s_signature;

    /// <summary>The name of the feature column.</summary>
    public string FeatureColumnName { get; }

    /// <summary>The name of the label column that the model was trained on.</summary>
    public string LabelColumnName { get; }

    /// <summary>How the functions of the modes make up the value.</summary>
    public TuckerForm Form => _posterior.Shape.Form;

    /// <summary>The number of functions of each mode.</summary>
    public IReadOnlyList<int> Ranks => [.. _posterior.Shape.Ranks];

    /// <summary>The length scale of each mode, given or chosen, as a part of its training range.</summary>
    public IReadOnlyList<double> LengthScales => [.. _posterior.Shape.LengthScales];

    /// <summary>The prior variance of the functions of each mode, given or chosen.</summary>
    public IReadOnlyList<double> Variances => [.. _posterior.Shape.Variances];

    /// <summary>The standard deviation of the noise, in the units of the label.</summary>
    public double NoiseStandardDeviation => _scaling.LabelDeviation / Math.Sqrt(_posterior.NoisePrecision);

    /// <summary>
    /// The lower bound of the logarithm of the probability of the training labels, by which settings can be compared on the same rows: the larger the better. NaN where damping leaves it undefined.
    /// </summary>
    public double EvidenceLowerBound => _settings.IsDamped ? double.NaN : _posterior.Bound - _posterior.Rows * Math.Log(_scaling.LabelDeviation);

    /// <summary>The number of rows that the model was trained on, updates included.</summary>
    public long NumberOfRows => _posterior.Rows;

    private protected override IEnumerable<(string Name, string Value)> Facts =>
    [
        ("form", Form.ToString()),
        ("functions of each mode", string.Join(", ", Ranks.Select(rank => Html.Number((long)rank)))),
        ("length scale of each mode", string.Join(", ", LengthScales.Select(Html.Number))),
        ("prior variance of each mode", string.Join(", ", Variances.Select(Html.Number))),
        ("noise", Html.Number(NoiseStandardDeviation)),
        ("evidence bound", Html.Number(EvidenceLowerBound)),
        ("rows", Html.Number(NumberOfRows)),
    ];

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override string FeatureColumn => FeatureColumnName;

    internal override DataViewType FeatureType => new VectorDataViewType(NumberDataViewType.Single, _scaling.Modes);

    internal override FunctionalBayesianTuckerTransformer PredictionModel => this;

    /// <summary>One line for a log.</summary>
    internal string Summary => string.Create(CultureInfo.InvariantCulture,
        $"Training ended {(_posterior.IsConverged ? "converged" : "at the most iterations, before it converged")}: evidence bound {EvidenceLowerBound:G6}, noise {NoiseStandardDeviation:G4}, length scales {string.Join(" ", LengthScales.Select(scale => scale.ToString("G4", CultureInfo.InvariantCulture)))}.");

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema) => _outputs.Deliver(inputSchema);

    /// <summary>Predicts at coordinates as the data has them, [rows, K]; the results are of standardised labels.</summary>
    internal void Predict(ReadOnlySpan<double> coordinates, Span<double> means, Span<double> variances)
    {
        var scaled = new double[coordinates.Length];
        for (var i = 0; i < scaled.Length; i++)
        {
            scaled[i] = _scaling.Scale(coordinates[i], i % _scaling.Modes);
        }
        _posterior.Predict(scaled, means, variances);
    }

    internal override void WriteOnnx(OnnxScoring onnx)
    {
        var graph = onnx.Graph;
        string Constants(IReadOnlyList<double> values) => graph.Constant([.. values], values.Count);
        string Scaled(string value, double factor) => graph.Multiply(value, graph.Scalar(factor));
        string Limited(string value, double smallest) => graph.Node("Clip", [value, graph.Scalar(smallest), graph.Scalar((double)float.MaxValue)]);
        var (features, bad) = graph.Guard(onnx.Input(0, OnnxType.Double), 2, graph.Scalar(0.0));
        var coordinates = graph.Node("Clip", [graph.Divide(graph.Subtract(features, Constants(_scaling.Minimums)), Constants(_scaling.Ranges)), graph.Scalar(-FunctionalTuckerScaling.Farthest), graph.Scalar(FunctionalTuckerScaling.Farthest)]);
        var (mean, variance) = FunctionalTuckerOnnx.Write(graph, _posterior, coordinates);
        var score = graph.Add(Scaled(mean, _scaling.LabelDeviation), graph.Scalar(_scaling.LabelMean));
        var deviation = Scaled(graph.Sqrt(graph.Add(variance, graph.Scalar(1 / _posterior.NoisePrecision))), _scaling.LabelDeviation);
        void Output(string name, string value, double smallest) => onnx.Output(name, graph.Cast(graph.Add(Limited(value, smallest), bad), OnnxType.Single));
        Output(ScoreColumns.Score, score, -float.MaxValue);
        Output(FunctionalTuckerOutputs.ScoreDeviation, deviation, float.Epsilon);
        Output(FunctionalTuckerOutputs.LatentDeviation, Scaled(graph.Sqrt(variance), _scaling.LabelDeviation), float.Epsilon);
        if (_outputs.HasBounds)
        {
            var margin = Scaled(deviation, NormalDistribution.Quantile((1 + _outputs.ConfidenceLevel) / 2));
            Output(_outputs.LowerBound!, graph.Subtract(score, margin), -float.MaxValue);
            Output(_outputs.UpperBound!, graph.Add(score, margin), -float.MaxValue);
        }
    }

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this);

    /// <summary>The functions of a mode at coordinates as the data has them.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode, or a coordinate is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    internal ModeFunction GetModeFunction(int mode, IReadOnlyList<double> points)
    {
        ThrowIfDisposed();
        Check.Option(Host, mode >= 0 && mode < _scaling.Modes, mode, $"Must be one of the {_scaling.Modes} modes, counted from 0");
        Check.NotNull(Host, points);
        double[] places = [.. points];
        Check.Option(Host, Array.TrueForAll(places, double.IsFinite), places.FirstOrDefault(place => !double.IsFinite(place)), "Must be finite", nameof(points));
        var rank = _posterior.Shape.Ranks[mode];
        var (means, variances) = (new double[places.Length * rank], new double[places.Length * rank]);
        _posterior.ModeFunction(mode, Array.ConvertAll(places, place => _scaling.Scale(place, mode)), means, variances);
        return new(mode, places, rank, means, variances);
    }

    /// <summary>The same model that has seen more rows; this one stays as it is.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">There are no rows with a label, or a coordinate or a label is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    internal FunctionalBayesianTuckerTransformer Update(IDataView more, CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        var data = FunctionalTuckerData.Read(Host, more, (InputColumn<double>)Inputs[0], FunctionalTuckerData.LabelColumn(LabelColumnName), cancellationToken);
        using var channel = Host.Start("Update");
        var posterior = FunctionalTuckerInference.Update(_posterior, _scaling.Coordinates(data), _scaling.Targets(data),
            _settings.Settings(Host, cancellationToken) with { Report = progress => channel.Info(new TuckerTrainingProgress(progress, _scaling).ToString()) });
        return new(Host, posterior, _scaling, _settings, _outputs, FeatureColumnName, LabelColumnName);
    }

    internal override void Save(ModelWriter writer)
    {
        var arrays = _posterior.ToArrays();
        writer.Options(new SavedOptions(FeatureColumnName, LabelColumnName, _scaling, SavedTuckerShape.Of(_posterior.Shape), _settings, _outputs));
        writer.Weights(arrays.Select(array => KeyValuePair.Create(array.Name, ConstantTensor.Create(array.Values, array.Shape, ScalarType.Float64, CPU))));
    }

    static FunctionalBayesianTuckerTransformer ISavedTransformer<FunctionalBayesianTuckerTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        options.CheckContent();
        using var scope = NewDisposeScope();
        var arrays = reader.Weights().ToDictionary(item => item.Key, item => Values(item.Key, item.Value));
        var posterior = FunctionalTuckerPosterior.FromArrays(options.Shape.Shape, arrays);
        if (posterior.ToArrays().Count != arrays.Count)
        {
            throw new FormatException("The weights hold more tensors than the options describe.");
        }
        return new(host, posterior, options.Scaling, options.Settings, options.Outputs, options.FeatureColumnName, options.LabelColumnName);
    }

    private static double[] Values(string name, Tensor tensor)
    {
        if (tensor.dtype != ScalarType.Float64)
        {
            throw new FormatException($"The tensor '{name}' is {tensor.dtype}, expected {ScalarType.Float64}.");
        }
        var values = tensor.NumberOfElements == 0 ? [] : MemoryMarshal.Cast<byte, double>(tensor.bytes).ToArray();
        GC.KeepAlive(tensor);
        return values;
    }

    private protected override void DisposeCore()
    {
        // All memory is managed.
    }

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(string FeatureColumnName, string LabelColumnName, FunctionalTuckerScaling Scaling, SavedTuckerShape Shape, SavedTuckerSettings Settings, FunctionalTuckerOutputs Outputs)
    {
        /// <exception cref="FormatException">The options do not fit together.</exception>
        internal void CheckContent()
        {
            if (string.IsNullOrEmpty(FeatureColumnName) || string.IsNullOrEmpty(LabelColumnName))
            {
                throw new FormatException("The options name no columns.");
            }
            Scaling.CheckContent();
            Shape.CheckContent(Scaling.Modes);
            Settings.CheckContent();
            Outputs.CheckContent();
        }
    }

    private sealed class Scorer(FunctionalBayesianTuckerTransformer model) : BatchScorer
    {
        private readonly double _noise = 1 / model._posterior.NoisePrecision;
        private readonly double _width = NormalDistribution.Quantile((1 + model._outputs.ConfidenceLevel) / 2);
        private readonly List<int> _rows = [];
        private double[] _coordinates = [];
        private double[] _means = [];
        private double[] _variances = [];
        private long _seen;
        private long _missing;

        internal override void Score(ScoringBatch batch)
        {
            var features = batch.Input<double>(0);
            _rows.Clear();
            for (var row = 0; row < batch.Count; row++)
            {
                if (TensorPrimitives.IsFiniteAll<double>(features[row]))
                {
                    _rows.Add(row);
                }
            }
            Predict(features);
            var scores = Output(0);
            var deviations = Output(1);
            var latent = Output(2);
            var lower = model._outputs.HasBounds ? Output(3) : [];
            var upper = model._outputs.HasBounds ? Output(4) : [];
            var scaling = model._scaling;
            for (var i = 0; i < _rows.Count; i++)
            {
                var row = _rows[i];
                var score = scaling.LabelMean + scaling.LabelDeviation * _means[i];
                var deviation = scaling.LabelDeviation * Math.Sqrt(_variances[i] + _noise);
                scores[row] = Finite(score);
                deviations[row] = Positive(deviation);
                latent[row] = Positive(scaling.LabelDeviation * Math.Sqrt(_variances[i]));
                if (model._outputs.HasBounds)
                {
                    lower[row] = Finite(score - _width * deviation);
                    upper[row] = Finite(score + _width * deviation);
                }
            }
            _seen += batch.Count;
            _missing += batch.Count - _rows.Count;

            Span<float> Output(int index)
            {
                var values = batch.Output<float>(index).AddRows(batch.Count);
                values.Fill(float.NaN);
                return values;
            }
        }

        internal override void Complete()
        {
            if (_missing > 0)
            {
                using var channel = model.Host.Start("Score");
                channel.Warning($"{_missing} of {_seen} rows have no score: a coordinate in '{model.FeatureColumnName}' is not finite.");
            }
        }

        private void Predict(RowBuffer<double> features)
        {
            var modes = model._scaling.Modes;
            if (_means.Length < _rows.Count)
            {
                (_coordinates, _means, _variances) = (new double[_rows.Count * modes], new double[_rows.Count], new double[_rows.Count]);
            }
            for (var i = 0; i < _rows.Count; i++)
            {
                var row = features[_rows[i]];
                for (var mode = 0; mode < modes; mode++)
                {
                    _coordinates[i * modes + mode] = model._scaling.Scale(row[mode], mode);
                }
            }
            model._posterior.Predict(_coordinates.AsSpan(0, _rows.Count * modes), _means.AsSpan(0, _rows.Count), _variances.AsSpan(0, _rows.Count));
        }

        // Of labels near the ends of what a Single holds.
        private static float Finite(double value) => (float)Math.Clamp(value, -float.MaxValue, float.MaxValue);

        private static float Positive(double value) => (float)Math.Clamp(value, float.Epsilon, float.MaxValue);
    }
}
