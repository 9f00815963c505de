using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNetExtensions;
using MLNetExtensions.TimeSeries;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

[assembly: SavedTransformer<OLinearTransformer>("OLinear Forecasting Transformer", OLinearTransformer.LoaderName)]

namespace MLNetExtensions.TimeSeries;

/// <summary>A forecaster trained by <see cref="OLinearEstimator"/>.</summary>
public sealed class OLinearTransformer : ForecastingTransformer, ISavedTransformer<OLinearTransformer>
{
    internal const string LoaderName = "MLNetExtensionsOLinear";

    private const string HistoryName = "history";
    private const string QInName = "q_in";
    private const string QOutName = "q_out";
    private const string ChannelWeightsName = "channel_weights";

    private static readonly ModelSignature s_signature = new("OLINEAR ", LoaderName);

    private readonly OLinearModule _module;
    private readonly FoldedOLinear _folded;

    /// <summary>Takes the module over.</summary>
    internal OLinearTransformer(IHost host, ForecastingSchema schema, OLinearModule module, double[] history)
        : base(host, schema, history)
    {
        _module = module;
        _folded = new FoldedOLinear(module);
    }

    static ModelSignature ISavedTransformer<OLinearTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal OLinearModule Module => _module;

    internal override Tensor Forecast(Tensor windows) => _folded.Score(windows.to(_module.QIn.device).transpose(1, 2)).cpu();

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new ModelOptions(ForecastingSchema, _module.Shape));
        var tensors = _module.Parameters.Items
            .Append(new(QInName, _module.QIn))
            .Append(new(QOutName, _module.QOut))
            .Append(new(HistoryName, ConstantTensor.Create(History, [WindowSize, ForecastingSchema.Channels], ScalarType.Float64, CPU)));
        writer.Weights(_module.ChannelWeights is { } weights ? tensors.Append(new(ChannelWeightsName, weights)) : tensors);
    }

    static OLinearTransformer ISavedTransformer<OLinearTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<ModelOptions>();
        options.Check();
        var device = TrainingHost.Device(host);
        using var scope = NewDisposeScope();
        var weights = new Dictionary<string, Tensor>(reader.Weights());
        var shape = options.Network;
        var qIn = Take(weights, QInName, ScalarType.Float32, shape.WindowSize, shape.WindowSize);
        var qOut = Take(weights, QOutName, ScalarType.Float32, shape.Horizon, shape.Horizon);
        var history = Take(weights, HistoryName, ScalarType.Float64, shape.WindowSize, shape.Channels);
        var channelWeights = shape.Mixing == ChannelMixing.FixedCorrelation ? Take(weights, ChannelWeightsName, ScalarType.Float32, shape.Channels, shape.Channels) : null;
        var held = weights.Values.Sum(tensor => tensor.NumberOfElements);
        if (held != shape.ParameterCount)
        {
            throw new FormatException($"The weights hold {held} numbers, the network has {shape.ParameterCount}.");
        }
        var module = new OLinearModule(shape, qIn, qOut, channelWeights, generator: null, ScalarType.Float32, device);
        try
        {
            module.Parameters.CopyFrom(weights);
            return new OLinearTransformer(host, options.Forecasting, module, history.data<double>().ToArray());
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private static Tensor Take(Dictionary<string, Tensor> weights, string name, ScalarType type, params long[] shape)
    {
        if (!weights.Remove(name, out var tensor) || tensor.dtype != type || !tensor.shape.AsSpan().SequenceEqual(shape))
        {
            throw new FormatException($"The weights lack the tensor '{name}' of the shape [{string.Join(", ", shape)}].");
        }
        return tensor;
    }

    private protected override void DisposeCore()
    {
        _folded.Dispose();
        _module.Dispose();
    }

    /// <summary>What options.json holds.</summary>
    private sealed record ModelOptions(ForecastingSchema Forecasting, OLinearShape Network)
    {
        /// <exception cref="FormatException">The numbers do not fit together.</exception>
        internal void Check()
        {
            const int MostLayers = 1 << 10;
            const int LargestSize = 1 << 20;
            Forecasting.Check();
            // Sizes are bounded so that their products are: no memory is asked for before these agree with the weights.
            int[] sizes = [Network.Channels, Network.WindowSize, Network.Horizon, Network.EmbeddingSize, Network.Width, Network.HiddenWidth];
            if (sizes.Any(size => size is < 1 or > LargestSize) || Network.Layers is < 1 or > MostLayers || Network.Dropout is not (>= 0 and < 1))
            {
                throw new FormatException("The options describe no network.");
            }
            if (Network.Channels != Forecasting.Channels || Network.WindowSize != Forecasting.WindowSize || Network.Horizon != Forecasting.Horizon)
            {
                throw new FormatException("The options of the network and of the forecaster differ.");
            }
        }
    }
}
