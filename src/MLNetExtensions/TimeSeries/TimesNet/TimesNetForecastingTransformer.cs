using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

[assembly: SavedTransformer<TimesNetForecastingTransformer>("TimesNet Forecasting Transformer", TimesNetForecastingTransformer.LoaderName)]

namespace MLNetExtensions.TimeSeries;

/// <summary>A forecaster trained by <see cref="TimesNetForecastingEstimator"/>.</summary>
public sealed class TimesNetForecastingTransformer : ForecastingTransformer, ISavedTransformer<TimesNetForecastingTransformer>
{
    internal const string LoaderName = "MLNetExtTimesNetForecast";

    private static readonly ModelSignature s_signature = new("TNFORCST", LoaderName);

    private readonly Shared<TimesNetNetwork> _network;

    /// <summary>Takes the network over.</summary>
    internal TimesNetForecastingTransformer(IHost host, ForecastingModel model, TimesNetNetwork network)
        : this(host, model, new Shared<TimesNetNetwork>(network))
    {
    }

    private TimesNetForecastingTransformer(IHost host, ForecastingModel model, Shared<TimesNetNetwork> network)
        : base(host, model) => _network = network;

    static ModelSignature ISavedTransformer<TimesNetForecastingTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal TimesNetNetwork Network => _network.Value;

    internal override Tensor Forecast(Tensor windows, Tensor? marks) => Network.Score(windows, marks);

    internal override string WriteForecast(OnnxScoring onnx, string windows, string? marks) => new TimesNetOnnx(onnx.Graph, Network, TimesNetOnnx.Periods(onnx, Network)).Write(windows, marks, mask: null);

    internal override TimesNetForecastingTransformer WithHistories(IReadOnlyDictionary<string, double[]> histories)
    {
        ThrowIfDisposed();
        return new(Host, Model.With(histories), _network.Acquire());
    }

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(Model.Options, Network.Saved));
        writer.Weights([.. Network.Weights, .. Model.Save(writer)]);
    }

    static TimesNetForecastingTransformer ISavedTransformer<TimesNetForecastingTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        options.Check();
        var device = TrainingHost.Device(host);
        using var scope = NewDisposeScope();
        var weights = new Dictionary<string, Tensor>(reader.Weights(isData: ForecastingModel.IsData));
        var model = ForecastingModel.Load(options.Forecasting, reader, weights);
        return new(host, model, TimesNetNetwork.Load(options.Network, weights, device));
    }

    private protected override void DisposeCore() => _network.Release();

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(ForecastingModelOptions Forecasting, SavedTimesNet Network)
    {
        /// <exception cref="FormatException">The numbers do not fit together.</exception>
        internal void Check()
        {
            var shape = Network.Shape;
            if (shape.Channels != Forecasting.ChannelNames.Count || shape.WindowSize != Forecasting.WindowSize || shape.Horizon != Forecasting.Horizon || shape.Classes != 0
                || shape.Marks != (Forecasting.Time?.Count ?? 0) || (Forecasting.Time is { } time && time.Embedding != shape.Embedding))
            {
                throw new FormatException("The options of the network and of the forecaster differ.");
            }
        }
    }
}
