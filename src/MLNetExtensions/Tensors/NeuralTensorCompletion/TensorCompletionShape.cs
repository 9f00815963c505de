using System.Text.Json;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tensors;

/// <summary>What fixes the tensors of a <see cref="TensorModel"/> and how it computes.</summary>
internal sealed record TensorCompletionShape
{
    /// <summary>The largest product of <see cref="Ranks"/>.</summary>
    internal const long LargestCore = 1_000_000;

    public required TensorCompletionModel Model { get; init; }

    /// <summary>D_n, the number of entities of each mode.</summary>
    public required IReadOnlyList<int> Entities { get; init; }

    /// <summary>e, the numbers that stand for an entity: its embedding, or R, the rank of CP and of CoSTCo. Not for Tucker.</summary>
    public int EmbeddingSize { get; init; } = 20;

    /// <summary>The widths of the layers of <see cref="TensorCompletionModel.Mlp"/>.</summary>
    public IReadOnlyList<int> HiddenLayers { get; init; } = [256, 256, 64];

    /// <summary>R_n, the ranks of <see cref="TensorCompletionModel.Tucker"/>, one for each mode.</summary>
    public IReadOnlyList<int> Ranks { get; init; } = [];

    /// <summary>C, the channels of <see cref="TensorCompletionModel.CoSTCo"/>.</summary>
    public int Channels { get; init; } = 64;

    /// <summary>Whether a constant and one number for each entity are added to the prediction.</summary>
    public bool UseBias { get; init; } = true;

    /// <summary>Whether predictions below 0 are 0.</summary>
    public bool NonNegativeOutput { get; init; }

    /// <summary>The standard deviation of the embeddings and factors at the start.</summary>
    public double EmbeddingInitStd { get; init; } = 0.03;

    /// <summary>N.</summary>
    internal int Order => Entities.Count;

    /// <summary>The numbers that stand for an entity of a mode.</summary>
    internal int SizeOf(int mode) => Model == TensorCompletionModel.Tucker ? Ranks[mode] : EmbeddingSize;

    /// <summary>How many numbers are trained; a double, because a file may claim anything.</summary>
    internal double ParameterCount
    {
        get
        {
            var sum = Entities.Select((entities, mode) => (double)entities * SizeOf(mode)).Sum() + (UseBias ? Entities.Sum(entities => (double)entities) + 1 : 0);
            switch (Model)
            {
                case TensorCompletionModel.Mlp:
                    double inputs = (double)Order * EmbeddingSize;
                    foreach (var width in HiddenLayers)
                    {
                        sum += (inputs + 1) * width;
                        inputs = width;
                    }
                    return sum + inputs + 1;
                case TensorCompletionModel.Tucker:
                    return sum + CoreSize;
                case TensorCompletionModel.CoSTCo:
                    double c = Channels;
                    return sum + (Order + 1 + c * EmbeddingSize + 1 + c + 1 + 1) * c + 1;
                default:
                    return sum;
            }
        }
    }

    private double CoreSize => Ranks.Aggregate(1.0, (product, rank) => product * rank);

    /// <summary>Makes the model.</summary>
    /// <param name="random">Draws the starting weights; null leaves the drawn ones at 0.</param>
    /// <param name="dtype">Float32 or Float64.</param>
    /// <param name="device">Where it computes.</param>
    internal TensorModel Create(StepRandom? random, ScalarType dtype, Device device)
    {
        Check();
        return Model switch
        {
            TensorCompletionModel.Mlp => new MlpTensorModel(this, random?.Generator, dtype, device),
            TensorCompletionModel.Cp => new CpTensorModel(this, random?.Generator, dtype, device),
            TensorCompletionModel.Tucker => new TuckerTensorModel(this, random?.Generator, dtype, device),
            _ => new CoSTCoTensorModel(this, random?.Generator, dtype, device),
        };
    }

    /// <exception cref="ArgumentOutOfRangeException">A size is out of its range.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Order, 2, nameof(Entities));
        ArgumentOutOfRangeException.ThrowIfLessThan(Entities.Min(), 1, nameof(Entities));
        if (!Enum.IsDefined(Model))
        {
            throw new ArgumentOutOfRangeException(nameof(Model), Model, "Must be a defined value.");
        }
        if (!(EmbeddingInitStd >= 0) || !double.IsFinite(EmbeddingInitStd))
        {
            throw new ArgumentOutOfRangeException(nameof(EmbeddingInitStd), EmbeddingInitStd, "Must be at least 0 and finite.");
        }
        if (Model != TensorCompletionModel.Tucker)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(EmbeddingSize, 1);
        }
        switch (Model)
        {
            case TensorCompletionModel.Mlp:
                ArgumentOutOfRangeException.ThrowIfZero(HiddenLayers.Count, nameof(HiddenLayers));
                ArgumentOutOfRangeException.ThrowIfLessThan(HiddenLayers.Min(), 1, nameof(HiddenLayers));
                break;
            case TensorCompletionModel.Tucker:
                ArgumentOutOfRangeException.ThrowIfNotEqual(Ranks.Count, Order, nameof(Ranks));
                ArgumentOutOfRangeException.ThrowIfLessThan(Ranks.Min(), 1, nameof(Ranks));
                ArgumentOutOfRangeException.ThrowIfGreaterThan(CoreSize, LargestCore, nameof(Ranks));
                break;
            case TensorCompletionModel.CoSTCo:
                ArgumentOutOfRangeException.ThrowIfLessThan(Channels, 1);
                break;
        }
    }

    /// <summary>All of it as text, for the fingerprint of a training.</summary>
    public override string ToString() => JsonSerializer.Serialize(this, Json.Plain);
}
