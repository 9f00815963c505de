using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace MLNetExtensions.Torch;

/// <summary>A trained network of your own.</summary>
public abstract class TorchModuleTransformer : FeatureScoringTransformer<nn.Module<Tensor, Tensor>>
{
    private const string StatePrefix = "module.";
    private const string FeaturePrefix = "features.";
    private const string Means = "means";
    private const string Deviations = "deviations";

    private readonly ColumnScaler _features;

    /// <summary>Takes the module over, and leaves it in evaluation.</summary>
    private protected TorchModuleTransformer(IHost host, OwnModule own, string featureColumnName, ColumnScaler features)
        : base(host)
    {
        own.Train(false);
        Own = own;
        FeatureColumnName = featureColumnName;
        _features = features;
        Inputs = [TorchModuleTraining.FeatureColumn(featureColumnName, own.InputSize)];
    }

    /// <summary>The name of the feature column.</summary>
    public string FeatureColumnName { get; }

    /// <summary>The trained network, in evaluation. It belongs to this model: do not change its mode, its device or its weights while the model scores, and do not dispose it.</summary>
    public nn.Module<Tensor, Tensor> Module => Own.Network;

    private protected OwnModule Own { get; }

    internal sealed override IReadOnlyList<InputColumn> Inputs { get; }

    internal sealed override string FeatureColumn => FeatureColumnName;

    internal sealed override DataViewType FeatureType => new VectorDataViewType(NumberDataViewType.Single, Own.InputSize);

    internal sealed override nn.Module<Tensor, Tensor> PredictionModel => Own.Network;

    internal override void WriteOnnx(OnnxScoring onnx) => throw onnx.Refuse("wraps code of yours that cannot be translated. Export it from the program that made it.");

    internal sealed override BatchScorer CreateScorer(ScoringSchema schema) => new Scorer(this);

    /// <summary>Writes the scores of a batch.</summary>
    /// <param name="outputs">What the network gave, row after row; NaN for rows that cannot be scored.</param>
    /// <param name="batch">The batch.</param>
    private protected abstract void Write(ReadOnlySpan<float> outputs, ScoringBatch batch);

    private protected void SaveWeights(ModelWriter writer, params IEnumerable<KeyValuePair<string, Tensor>> more)
        => writer.Weights([.. Own.State.Select(item => KeyValuePair.Create(StatePrefix + item.Key, item.Value)), .. SaveScaler(FeaturePrefix, _features), .. more]);

    private protected static IEnumerable<KeyValuePair<string, Tensor>> SaveScaler(string prefix, ColumnScaler scaler)
        => [
            new(prefix + Means, ConstantTensor.Create(scaler.Means, [scaler.Means.Length], ScalarType.Float64, CPU)),
            new(prefix + Deviations, ConstantTensor.Create(scaler.Deviations, [scaler.Deviations.Length], ScalarType.Float64, CPU)),
        ];

    /// <summary>Reads the network and what goes with it.</summary>
    /// <exception cref="FormatException">The file does not fit together.</exception>
    /// <exception cref="InvalidOperationException">The factory is not there any more, or makes another network.</exception>
    private protected static (OwnModule Module, ColumnScaler Features, ColumnScaler? Labels) LoadWeights(IHost host, ModelReader reader, FactoryReference factory, int inputSize, int outputSize, string? labelPrefix)
    {
        const int LargestSize = 1 << 30;
        if (inputSize is < 1 or > LargestSize || outputSize is < 1 or > LargestSize)
        {
            throw new FormatException("The options describe no network.");
        }
        var device = TrainingHost.Device(host);
        ColumnScaler features;
        ColumnScaler? labels;
        // Not in the scope: the network is made outside of any.
        var weights = reader.Weights(mayBeInfinite: name => name.StartsWith(StatePrefix, StringComparison.Ordinal));
        try
        {
            features = LoadScaler(weights, FeaturePrefix, inputSize);
            labels = labelPrefix is null ? null : LoadScaler(weights, labelPrefix, outputSize);
            var state = weights.Where(item => item.Key.StartsWith(StatePrefix, StringComparison.Ordinal)).ToDictionary(item => item.Key[StatePrefix.Length..], item => item.Value);
            using var random = new StepRandom(0, epoch: 0, step: 0);
            var module = OwnModule.Create(factory, inputSize, outputSize, random, device);
            try
            {
                module.Load(state);
                return (module, features, labels);
            }
            catch
            {
                module.Dispose();
                throw;
            }
        }
        catch (InvalidOperationException e)
        {
            throw host.Process(e);
        }
        finally
        {
            foreach (var tensor in weights.Values)
            {
                tensor.Dispose();
            }
        }
    }

    private static ColumnScaler LoadScaler(IReadOnlyDictionary<string, Tensor> weights, string prefix, int size)
    {
        double[] Take(string name)
        {
            if (!weights.TryGetValue(prefix + name, out var tensor) || tensor.dtype != ScalarType.Float64 || tensor.dim() != 1 || tensor.size(0) != size)
            {
                throw new FormatException($"The weights lack the tensor '{prefix}{name}' of the shape [{size}].");
            }
            var values = MemoryMarshal.Cast<byte, double>(tensor.bytes).ToArray();
            GC.KeepAlive(tensor);
            return values;
        }
        return ColumnScaler.Read(Take(Means), Take(Deviations));
    }

    private protected sealed override void DisposeCore() => Own.Dispose();

    private sealed class Scorer(TorchModuleTransformer model) : BatchScorer
    {
        internal override void Score(ScoringBatch batch)
        {
            var features = batch.Input<float>(0);
            using var scope = NewDisposeScope();
            using var inference = inference_mode();
            // Some kernels complain on standard error about a batch of one.
            var rows = Math.Max(batch.Count, 2);
            var input = zeros(rows, model.Own.InputSize, dtype: ScalarType.Float32, device: CPU);
            var memory = MemoryMarshal.Cast<byte, float>(input.bytes);
            var isFinite = new bool[batch.Count];
            for (var row = 0; row < batch.Count; row++)
            {
                var values = features[row];
                isFinite[row] = TensorPrimitives.IsFiniteAll<float>(values);
                if (isFinite[row])
                {
                    model._features.Standardize(values, memory.Slice(row * values.Length, values.Length));
                }
            }
            GC.KeepAlive(input);
            Tensor output;
            try
            {
                output = model.Own.Forward(input).cpu().contiguous();
            }
            catch (InvalidOperationException e)
            {
                throw model.Host.Process(e);
            }
            var outputs = MemoryMarshal.Cast<byte, float>(output.bytes)[..(batch.Count * model.Own.OutputSize)].ToArray();
            GC.KeepAlive(output);
            for (var row = 0; row < batch.Count; row++)
            {
                if (!isFinite[row])
                {
                    outputs.AsSpan(row * model.Own.OutputSize, model.Own.OutputSize).Fill(float.NaN);
                }
            }
            model.Write(outputs, batch);
        }
    }
}
