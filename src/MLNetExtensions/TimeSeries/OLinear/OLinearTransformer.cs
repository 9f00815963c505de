using System.Runtime.InteropServices;
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

    private const string QInName = "q_in";
    private const string QOutName = "q_out";
    private const string ChannelWeightsName = "channel_weights";

    private static readonly ModelSignature s_signature = new("OLINEAR ", LoaderName);

    private readonly Shared<OLinearModule> _module;
    private readonly Shared<FoldedOLinear> _folded;

    /// <summary>Takes the module over.</summary>
    internal OLinearTransformer(IHost host, ForecastingModel model, OLinearModule module)
        : this(host, model, new(module), new(new FoldedOLinear(module)))
    {
    }

    private OLinearTransformer(IHost host, ForecastingModel model, Shared<OLinearModule> module, Shared<FoldedOLinear> folded)
        : base(host, model)
    {
        _module = module;
        _folded = folded;
    }

    static ModelSignature ISavedTransformer<OLinearTransformer>.ModelSignature => s_signature;

    internal override ModelSignature Signature => s_signature;

    internal OLinearModule Module => _module.Value;

    internal ChannelInfluence GetChannelInfluence()
    {
        ThrowIfDisposed();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return new(ChannelNames, [.. Module.Layers.Select(layer =>
        {
            var weights = Module.MixingMatrix(layer).to(ScalarType.Float64).cpu().contiguous();
            var matrix = new double[Model.Channels, Model.Channels];
            weights.bytes.CopyTo(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref matrix[0, 0], matrix.Length)));
            return matrix;
        })]);
    }

    internal override Tensor Forecast(Tensor windows, Tensor? marks) => _folded.Value.Score(windows.to(Module.QIn.device)).cpu();

    internal override string WriteForecast(OnnxScoring onnx, string windows, string? marks) => OLinearOnnx.Write(onnx.Graph, _folded.Value, windows);

    internal override OLinearTransformer WithHistories(IReadOnlyDictionary<string, double[]> histories)
    {
        ThrowIfDisposed();
        return new(Host, Model.With(histories), _module.Acquire(), _folded.Acquire());
    }

    internal override void Save(ModelWriter writer)
    {
        writer.Options(new SavedOptions(Model.Options, Module.Shape));
        List<KeyValuePair<string, Tensor>> tensors = [.. Module.Parameters.Items, .. Model.Save(writer), new(QInName, Module.QIn), new(QOutName, Module.QOut)];
        if (Module.ChannelWeights is { } weights)
        {
            tensors.Add(new(ChannelWeightsName, weights));
        }
        writer.Weights(tensors);
    }

    static OLinearTransformer ISavedTransformer<OLinearTransformer>.Load(IHost host, ModelReader reader)
    {
        var options = reader.Options<SavedOptions>();
        options.Check();
        var device = TrainingHost.Device(host);
        using var scope = NewDisposeScope();
        var weights = new Dictionary<string, Tensor>(reader.Weights(isData: ForecastingModel.IsData));
        var shape = options.Network;
        var model = ForecastingModel.Load(options.Forecasting, reader, weights);
        var qIn = ModelReader.Take(weights, QInName, ScalarType.Float32, shape.WindowSize, shape.WindowSize);
        var qOut = ModelReader.Take(weights, QOutName, ScalarType.Float32, shape.Horizon, shape.Horizon);
        var channelWeights = shape.Mixing == ChannelMixing.FixedCorrelation ? ModelReader.Take(weights, ChannelWeightsName, ScalarType.Float32, shape.Channels, shape.Channels) : null;
        var held = weights.Values.Sum(tensor => tensor.NumberOfElements);
        if (held != shape.ParameterCount)
        {
            throw new FormatException($"The weights hold {held} numbers, the network has {shape.ParameterCount}.");
        }
        var module = new OLinearModule(shape, qIn, qOut, channelWeights, generator: null, ScalarType.Float32, device);
        try
        {
            module.Parameters.CopyFrom(weights);
            return new OLinearTransformer(host, model, module);
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private protected override void DisposeCore()
    {
        _folded.Release();
        _module.Release();
    }

    /// <summary>What options.json holds.</summary>
    private sealed record SavedOptions(ForecastingModelOptions Forecasting, OLinearShape Network)
    {
        /// <exception cref="FormatException">The numbers do not fit together.</exception>
        internal void Check()
        {
            const int MostLayers = 1 << 10;
            const int LargestSize = 1 << 20;
            // Sizes are bounded so that their products are: no memory is asked for before these agree with the weights.
            int[] sizes = [Network.Channels, Network.WindowSize, Network.Horizon, Network.EmbeddingSize, Network.Width, Network.HiddenWidth];
            if (sizes.Any(size => size is < 1 or > LargestSize) || Network.Layers is < 1 or > MostLayers || Network.Dropout is not (>= 0 and < 1))
            {
                throw new FormatException("The options describe no network.");
            }
            if (Network.Channels != Forecasting.ChannelNames.Count || Network.WindowSize != Forecasting.WindowSize || Network.Horizon != Forecasting.Horizon)
            {
                throw new FormatException("The options of the network and of the forecaster differ.");
            }
        }
    }
}
