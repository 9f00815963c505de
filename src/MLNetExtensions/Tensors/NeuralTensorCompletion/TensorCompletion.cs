using System.Runtime.InteropServices;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>What is known of the training cells.</summary>
/// <param name="Rows">The row of each cell in its data.</param>
/// <param name="Index">The entities of the cells, one cell after the other.</param>
/// <param name="Values">The influence of each cell.</param>
internal sealed record CellInfluences(long[] Rows, int[] Index, double[] Values);

/// <summary>A trained model with the entities that it knows, and what its training told of them. Threads may share it.</summary>
internal sealed class TensorCompletion : IDisposable
{
    private const string ModelPrefix = "model.";
    private const string InfluenceName = "influence", CellsName = "influence.cells", RowsName = "influence.rows";

    /// <summary>Takes the model of a training over.</summary>
    internal TensorCompletion(TensorCompletionResult result, TensorData data, ColumnScaler scaler, bool keepInfluences)
    {
        Modes = data.Modes;
        Scaler = scaler;
        // Entities that only validation cells have are the last ones.
        Importance = [.. data.Modes.Select((mode, n) => result.EntityImportance[n][..mode.Count])];
        var index = data.TrainingIndex;
        Cells = [.. data.Modes.Select(mode => new long[mode.Count])];
        for (var i = 0; i < index.Length; i++)
        {
            Cells[i % Cells.Length][index[i]]++;
        }
        Influences = keepInfluences ? new(data.Rows, index, result.Influence) : null;
        ValidationError = result.ValidationLoss is { } loss ? Math.Sqrt(loss) * scaler.Deviations[0] : null;
        IsAugmented = !result.KeptPhase1;
        Model = result.Model;
        Scorer = new(Model);
    }

    private TensorCompletion(SavedTensorCompletion saved, ModeEntities[] modes, Dictionary<string, Tensor> weights, Device device)
    {
        Modes = modes;
        Scaler = ColumnScaler.Read([saved.Mean], [saved.Deviation]);
        Importance = [.. modes.Select((mode, n) => ModelReader.TakeArray<double>(weights, ImportanceName(n), ScalarType.Float64, mode.Count))];
        Cells = [.. modes.Select((mode, n) => ModelReader.TakeArray<long>(weights, CountName(n), ScalarType.Int64, mode.Count))];
        if (saved.InfluenceCells is { } cells)
        {
            Influences = new(
                ModelReader.TakeArray<long>(weights, RowsName, ScalarType.Int64, cells),
                ModelReader.TakeArray<int>(weights, CellsName, ScalarType.Int32, cells, modes.Length),
                ModelReader.TakeArray<double>(weights, InfluenceName, ScalarType.Float64, cells));
            if (Influences.Index.Index().Any(entity => (uint)entity.Item >= (uint)modes[entity.Index % modes.Length].Count))
            {
                throw new FormatException("A training cell has an entity that is not there.");
            }
        }
        ValidationError = saved.ValidationError;
        IsAugmented = saved.IsAugmented;
        var parameters = weights.ToDictionary(item => item.Key.StartsWith(ModelPrefix, StringComparison.Ordinal) ? item.Key[ModelPrefix.Length..] : throw new FormatException($"The weights hold the unknown tensor '{item.Key}'."), item => item.Value);
        if (parameters.Values.Sum(tensor => (double)tensor.NumberOfElements) != saved.Shape.ParameterCount)
        {
            throw new FormatException("The weights do not fit the shape of the model.");
        }
        Model = saved.Shape.Create(null, ScalarType.Float32, device);
        try
        {
            Model.CopyFrom(parameters);
            Scorer = new(Model);
        }
        catch
        {
            Model.Dispose();
            throw;
        }
    }

    internal TensorModel Model { get; }

    internal TensorScorer Scorer { get; }

    internal ModeEntities[] Modes { get; }

    /// <summary>What the label was scaled by.</summary>
    internal ColumnScaler Scaler { get; }

    /// <summary>P_n of the entities of each mode.</summary>
    internal double[][] Importance { get; }

    /// <summary>The number of training cells of the entities of each mode.</summary>
    internal long[][] Cells { get; }

    /// <summary>Null where they were not kept.</summary>
    internal CellInfluences? Influences { get; }

    /// <summary>The root mean squared validation error, in the units of the label; null without validation.</summary>
    internal double? ValidationError { get; }

    /// <summary>Whether the model is that of the second training.</summary>
    internal bool IsAugmented { get; }

    /// <summary>Predicts cells, in the units of the label.</summary>
    /// <param name="index">The entities, one cell after the other; negative = unseen.</param>
    /// <param name="scores">One for each cell.</param>
    /// <param name="unseen">What a cell with such an entity gets.</param>
    /// <param name="cancellation">Ends it.</param>
    internal void Score(ReadOnlySpan<int> index, Span<float> scores, UnseenKeys unseen, CancellationToken cancellation = default)
    {
        var predictions = new double[scores.Length];
        Scorer.Score(index, predictions, cancellation);
        for (var i = 0; i < scores.Length; i++)
        {
            // Of labels near the ends of what a Single holds.
            scores[i] = unseen == UnseenKeys.NaN && index.Slice(i * Modes.Length, Modes.Length).Contains(TensorScorer.Unseen)
                ? float.NaN
                : (float)Math.Clamp(Scaler.Restore(predictions[i], 0), -float.MaxValue, float.MaxValue);
        }
    }

    /// <summary>The embeddings or factors of the entities of a mode, and their bias in the units of the label; no bias where the model has none.</summary>
    internal (float[][] Embeddings, float[]? Bias) Embeddings(int mode)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var table = Model.Embeddings[mode].to(ScalarType.Float32).cpu().contiguous();
        var bias = Model.Biases.Count == 0 ? null : Model.Biases[mode].to(ScalarType.Float32).cpu().contiguous();
        var width = (int)table.size(1);
        var values = MemoryMarshal.Cast<byte, float>(table.bytes);
        var rows = new float[Modes[mode].Count][];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = values.Slice(i * width, width).ToArray();
        }
        float[]? shifts = bias is null ? null : [.. MemoryMarshal.Cast<byte, float>(bias.bytes)[..rows.Length]];
        GC.KeepAlive(table);
        GC.KeepAlive(bias);
        return (rows, shifts is null ? null : Array.ConvertAll(shifts, shift => (float)(shift * Scaler.Deviations[0])));
    }

    /// <summary>What options.json holds.</summary>
    internal SavedTensorCompletion Saved => new(Model.Shape, Scaler.Means[0], Scaler.Deviations[0], ValidationError, IsAugmented, Influences?.Values.Length);

    /// <summary>What weights.safetensors holds. A dispose scope must be open.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> Weights
    {
        get
        {
            foreach (var (name, tensor) in Model.Parameters)
            {
                yield return new(ModelPrefix + name, tensor);
            }
            foreach (var (n, mode) in Modes.Index())
            {
                yield return new(ImportanceName(n), ConstantTensor.Of<double>(Importance[n], ScalarType.Float64, mode.Count));
                yield return new(CountName(n), ConstantTensor.Of<long>(Cells[n], ScalarType.Int64, mode.Count));
                if (mode.Keys is { } keys)
                {
                    yield return new(KeysName(n), ConstantTensor.Of<ulong>(keys, ScalarType.Int64, mode.Count));
                }
            }
            if (Influences is { } influences)
            {
                yield return new(RowsName, ConstantTensor.Of<long>(influences.Rows, ScalarType.Int64, influences.Rows.Length));
                yield return new(CellsName, ConstantTensor.Of<int>(influences.Index, ScalarType.Int32, influences.Rows.Length, Modes.Length));
                yield return new(InfluenceName, ConstantTensor.Of<double>(influences.Values, ScalarType.Float64, influences.Values.Length));
            }
        }
    }

    /// <summary>Reads what <see cref="Saved"/> and <see cref="Weights"/> wrote. A dispose scope must be open.</summary>
    /// <exception cref="FormatException">They do not fit together.</exception>
    internal static TensorCompletion Load(SavedTensorCompletion saved, IReadOnlyList<KeyVocabulary> vocabularies, IReadOnlyDictionary<string, Tensor> weights, Device device)
    {
        saved.CheckContent(vocabularies);
        var left = weights.ToDictionary();
        var modes = new ModeEntities[vocabularies.Count];
        for (var n = 0; n < modes.Length; n++)
        {
            var keys = left.ContainsKey(KeysName(n)) ? ModelReader.TakeArray<ulong>(left, KeysName(n), ScalarType.Int64, (long)vocabularies[n].Count) : null;
            if (keys is null && vocabularies[n].Values is null)
            {
                throw new FormatException($"The entities of mode {n} have neither names nor keys.");
            }
            modes[n] = new(vocabularies[n], keys);
        }
        return new(saved, modes, left, device);
    }

    public void Dispose()
    {
        Scorer.Dispose();
        Model.Dispose();
    }

    private static string ImportanceName(int mode) => $"importance.{mode}";

    private static string CountName(int mode) => $"cells.{mode}";

    private static string KeysName(int mode) => $"keys.{mode}";
}

/// <summary>What the options of a model file say of a <see cref="TensorCompletion"/>.</summary>
internal sealed record SavedTensorCompletion(TensorCompletionShape Shape, double Mean, double Deviation, double? ValidationError, bool IsAugmented, int? InfluenceCells)
{
    /// <exception cref="FormatException">The numbers do not fit together.</exception>
    internal void CheckContent(IReadOnlyList<KeyVocabulary> vocabularies)
    {
        try
        {
            Shape.Check();
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new FormatException($"The options describe no model: {e.Message}");
        }
        if (Shape.Order != vocabularies.Count || InfluenceCells < 0 || vocabularies.Index().Any(mode => mode.Item.Count == 0 || mode.Item.Count > (ulong)Shape.Entities[mode.Index]))
        {
            throw new FormatException("The entities do not fit the shape of the model.");
        }
    }
}
