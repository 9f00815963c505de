using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

[assembly: SavedTransformer<TimesNetClassificationTransformer>("TimesNet Classification Transformer", TimesNetClassificationTransformer.LoaderName)]

namespace MLNetExtensions.TimeSeries;

/// <summary>A classifier of series trained by <see cref="TimesNetClassificationTrainer"/>.</summary>
public sealed class TimesNetClassificationTransformer : FeatureScoringTransformer<TimesNetClassificationTransformer>, ISavedTransformer<TimesNetClassificationTransformer>
{
    internal const string LoaderName = "MLNetExtTimesNetClass";

    private static readonly ModelSignature s_signature = new("TIMESCLA", LoaderName);

    private readonly TimesNetNetwork _network;
    private readonly bool _isVariable;
    private readonly SeriesWindows _windows;
    private readonly ClassLabels _labels;

    /// <summary>Takes the network over.</summary>
    internal TimesNetClassificationTransformer(IHost host, TimesNetNetwork network, string featureColumnName, bool isVariable, ColumnScaler scaler, ClassLabels labels)
        : base(host)
    {
        _network = network;
        _isVariable = isVariable;
        _windows = new(scaler, network.Module.Shape.WindowSize);
        _labels = labels;
        FeatureColumnName = featureColumnName;
        Inputs = [SeriesWindows.Column(featureColumnName, isVariable ? null : Size)];
    }

    static ModelSignature ISavedTransformer<TimesNetClassificationTransformer>.ModelSignature => s_signature;

    /// <summary>The name of the column that holds a series in each row.</summary>
    public string FeatureColumnName { get; }

    /// <summary>The number of channels of a series.</summary>
    public int NumberOfChannels => _windows.Channels;

    /// <summary>The number of steps that are looked at, from the first: those of the longest series that the model was fitted to.</summary>
    public int WindowSize => _windows.Steps;

    private protected override IEnumerable<(string Name, string Value)> Facts =>
    [
        ("window size", Html.Number((long)WindowSize)),
        ("channels", Html.Number((long)NumberOfChannels)),
        ("classes", Html.Number((long)_labels.Count)),
    ];

    internal override ModelSignature Signature => s_signature;

    internal override IReadOnlyList<InputColumn> Inputs { get; }

    internal override string FeatureColumn => FeatureColumnName;

    internal override DataViewType FeatureType => _isVariable ? new VectorDataViewType(NumberDataViewType.Single) : new VectorDataViewType(NumberDataViewType.Single, Size);

    internal override TimesNetClassificationTransformer PredictionModel => this;

    private int Size => _windows.Steps * _windows.Channels;

    internal override IReadOnlyList<OutputColumn> GetOutputs(DataViewSchema inputSchema)
    {
        SeriesWindows.CheckSize(Host, Inputs[0], inputSchema, NumberOfChannels);
        return _labels.GetOutputs(inputSchema);
    }

    internal override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this);

    internal override void WriteOnnx(OnnxScoring onnx) => TimesNetClassificationOnnx.Write(onnx, _network, _windows.Scaler);

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(FeatureColumnName, _isVariable, _windows.Scaler.Means, _windows.Scaler.Deviations, _network.Saved));
        _labels.Save(writer);
        writer.Weights(_network.Weights);
    }

    static TimesNetClassificationTransformer ISavedTransformer<TimesNetClassificationTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        var labels = ClassLabels.Load(reader);
        options.Check(labels);
        var scaler = ColumnScaler.Read(options.Means, options.Deviations);
        var device = TrainingHost.Device(host);
        using var scope = NewDisposeScope();
        return new(host, TimesNetNetwork.Load(options.Network, reader.Weights(), device), options.FeatureColumnName, options.IsVariable, scaler, labels);
    }

    private protected override void DisposeCore() => _network.Dispose();

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(string FeatureColumnName, bool IsVariable, IReadOnlyList<double> Means, IReadOnlyList<double> Deviations, SavedTimesNet Network)
    {
        /// <exception cref="FormatException">The numbers do not fit together.</exception>
        internal void Check(ClassLabels labels)
        {
            var shape = Network.Shape;
            if (string.IsNullOrEmpty(FeatureColumnName) || shape.Channels < 1 || shape.WindowSize < 1 || (long)shape.Channels * shape.WindowSize > Array.MaxLength
                || shape.Channels != Means.Count || shape.Classes != labels.Count || shape.Horizon != 0 || shape.Marks != 0)
            {
                throw new FormatException("The options describe no classifier of series.");
            }
        }
    }

    private sealed class Scorer(TimesNetClassificationTransformer model) : BatchScorer
    {
        private readonly List<int> _rows = [];
        private long _seen;
        private long _cut;

        internal override void Score(ScoringBatch batch)
        {
            var (series, windows) = (batch.Input<float>(0), model._windows);
            _rows.Clear();
            for (var row = 0; row < batch.Count; row++)
            {
                ReadOnlySpan<float> values = series[row];
                if (SeriesWindows.IsSeries(values, windows.Channels) && TensorPrimitives.IsFiniteAll(values))
                {
                    _rows.Add(row);
                    _cut += values.Length > model.Size ? 1 : 0;
                }
            }
            _seen += batch.Count;
            var classes = model._labels.Count;
            var logits = new float[batch.Count * classes];
            logits.AsSpan().Fill(float.NaN);
            if (_rows.Count > 0)
            {
                using var scope = NewDisposeScope();
                var x = empty(_rows.Count, windows.Steps, windows.Channels, dtype: ScalarType.Float32, device: CPU);
                var mask = empty(_rows.Count, windows.Steps, dtype: ScalarType.Float32, device: CPU);
                var values = MemoryMarshal.Cast<byte, float>(x.bytes);
                var flags = MemoryMarshal.Cast<byte, float>(mask.bytes);
                for (var i = 0; i < _rows.Count; i++)
                {
                    windows.Write(series[_rows[i]], values.Slice(i * model.Size, model.Size));
                    windows.WriteMask(series[_rows[i]], flags.Slice(i * windows.Steps, windows.Steps));
                }
                GC.KeepAlive(x);
                GC.KeepAlive(mask);
                var result = model._network.Score(x, mask: mask);
                var scores = MemoryMarshal.Cast<byte, float>(result.bytes);
                for (var i = 0; i < _rows.Count; i++)
                {
                    scores.Slice(i * classes, classes).CopyTo(logits.AsSpan(_rows[i] * classes));
                }
                GC.KeepAlive(result);
            }
            model._labels.Write(logits, batch);
        }

        internal override void Complete()
        {
            if (_cut > 0)
            {
                using var channel = model.Host.Start("Score");
                channel.Warning($"{_cut} of {_seen} series are longer than the {model.WindowSize} steps of the longest in training: their first {model.WindowSize} steps were scored.");
            }
        }
    }
}
