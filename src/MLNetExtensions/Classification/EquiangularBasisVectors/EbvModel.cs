using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>What was fitted to rows after the training.</summary>
/// <param name="Temperature">What cosines are divided by.</param>
/// <param name="Offset">By how much a class that scores by its mean is ahead of one that scores by its vector.</param>
/// <param name="Threshold">The cosine below which a row is of no known class; null = every row is of one.</param>
internal sealed record EbvFit(double Temperature, double Offset, double? Threshold);

/// <summary>
/// A trained classifier: a network, the vectors of the classes to score by, and what is kept for classes that come later. Models with more classes share the network.
/// </summary>
internal sealed class EbvModel : IDisposable
{
    internal const string NetworkPrefix = "network.";
    private const string BasisName = "basis";
    private const string MeansName = "means";
    private const string HeldOutName = "held_out";

    private readonly Shared<EbvModule> _network;
    private readonly ParameterSet _tensors = new();

    /// <summary>Takes over the network's owner and the table; keeps handles of its own on the tensors.</summary>
    /// <param name="network">The network.</param>
    /// <param name="shape">What fixes it.</param>
    /// <param name="recipe">How it was trained.</param>
    /// <param name="table">The vectors to score by, of C classes.</param>
    /// <param name="scoresByBasis">Whether the first of its blocks are the first vectors of the basis, which are not saved twice.</param>
    /// <param name="basis">The vectors that the network was trained towards, and spare ones, [N, d].</param>
    /// <param name="means">The directions of the classes' means, [C, d]; zeros for a class without rows.</param>
    /// <param name="heldOut">The cosines of the rows held out to the vectors and to the means of their own classes, [2, n]; null = there are none.</param>
    /// <param name="fit">What was fitted.</param>
    internal EbvModel(Shared<EbvModule> network, EbvNetworkShape shape, EbvRecipe recipe, ClassTable table, bool scoresByBasis, Tensor basis, Tensor means, Tensor? heldOut, EbvFit fit)
    {
        using var scope = NewDisposeScope();
        _network = network;
        Shape = shape;
        Recipe = recipe;
        Table = table;
        ScoresByBasis = scoresByBasis;
        Basis = Keep(BasisName, basis);
        Means = Keep(MeansName, means);
        HeldOut = heldOut is null ? null : Keep(HeldOutName, heldOut);
        Fit = fit;
        // Threads that score do not have to.
        (Network.Trunk as OwnTrunk)?.Evaluate();

        Tensor Keep(string name, Tensor tensor) => _tensors.Add(name, tensor.detach().alias(), trainable: false);
    }

    internal EbvModule Network => _network.Value;

    internal EbvNetworkShape Shape { get; }

    internal EbvRecipe Recipe { get; }

    internal ClassTable Table { get; }

    internal bool ScoresByBasis { get; }

    internal Tensor Basis { get; }

    internal Tensor Means { get; }

    internal Tensor? HeldOut { get; }

    internal EbvFit Fit { get; }

    /// <summary>The network for one more owner.</summary>
    internal Shared<EbvModule> ShareNetwork() => _network.Acquire();

    /// <summary>What options.json holds.</summary>
    internal SavedEbvModel Saved
        => new(Shape, Recipe, Fit, (int)Basis.size(0), [.. Table.Blocks.Select((block, i) => new SavedClassBlock((int)block.Vectors.size(0), IsBasis(i), block.Offsets is not null))], HeldOut is null ? 0 : (int)HeldOut.size(1));

    /// <summary>What weights.safetensors holds.</summary>
    internal IEnumerable<KeyValuePair<string, Tensor>> Weights
    {
        get
        {
            foreach (var (name, tensor) in Network.Weights)
            {
                yield return new(NetworkPrefix + name, tensor);
            }
            foreach (var item in _tensors.Items)
            {
                yield return item;
            }
            foreach (var (i, block) in Table.Blocks.Index())
            {
                if (!IsBasis(i))
                {
                    yield return new(VectorsName(i), block.Vectors);
                }
                if (block.Offsets is not null)
                {
                    yield return new(OffsetsName(i), block.Offsets);
                }
            }
        }
    }

    /// <summary>Reads what <see cref="Saved"/> and <see cref="Weights"/> wrote. A dispose scope must be open.</summary>
    /// <exception cref="FormatException">They do not fit together.</exception>
    /// <exception cref="InvalidOperationException">The factory of the user's network is not there any more, or makes another network.</exception>
    internal static EbvModel Load(SavedEbvModel saved, IReadOnlyDictionary<string, Tensor> weights, int classes, Device device)
    {
        var left = weights.ToDictionary();
        var network = left.Keys.Where(name => name.StartsWith(NetworkPrefix, StringComparison.Ordinal)).ToDictionary(name => name[NetworkPrefix.Length..], name => left[name]);
        foreach (var name in network.Keys)
        {
            left.Remove(NetworkPrefix + name);
        }
        saved.Shape.Check(network.Values.Sum(tensor => tensor.NumberOfElements));
        saved.Recipe.Check();
        saved.Check(classes);
        var dimension = saved.Shape.Dimension;
        var basis = ModelReader.Take(left, BasisName, ScalarType.Float32, saved.BasisVectors, dimension).to(device);
        var means = ModelReader.Take(left, MeansName, ScalarType.Float32, classes, dimension).to(device);
        var heldOut = saved.HeldOutRows == 0 ? null : ModelReader.Take(left, HeldOutName, ScalarType.Float32, 2, saved.HeldOutRows).to(device);
        var blocks = new List<ClassBlock>();
        foreach (var (i, block) in saved.Blocks.Index())
        {
            var vectors = block.IsBasis ? basis.narrow(0, 0, block.Count) : ModelReader.Take(left, VectorsName(i), ScalarType.Float32, block.Count, dimension).to(device);
            blocks.Add(new(vectors, block.HasOffsets ? ModelReader.Take(left, OffsetsName(i), ScalarType.Float32, block.Count).to(device) : null));
        }
        if (left.Count > 0)
        {
            throw new FormatException($"The weights hold the unknown tensor '{left.Keys.First()}'.");
        }
        using var random = new StepRandom(0, epoch: 0, step: 0);
        var module = saved.Shape.Create(random, device);
        try
        {
            module.CopyFrom(network);
            return new(new(module), saved.Shape, saved.Recipe, new ClassTable(blocks), saved.Blocks[0].IsBasis, basis, means, heldOut, saved.Fit);
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _network.Release();
        Table.Dispose();
        _tensors.Dispose();
    }

    /// <summary>Whether a tensor holds what is taken from the cosines of classes: infinity for one that is never predicted.</summary>
    internal static bool IsOffsets(string tensor) => tensor.StartsWith("classes.", StringComparison.Ordinal) && tensor.EndsWith(".offsets", StringComparison.Ordinal);

    private static string VectorsName(int block) => $"classes.{block}.vectors";

    private static string OffsetsName(int block) => $"classes.{block}.offsets";

    private bool IsBasis(int block) => block == 0 && ScoresByBasis;
}

/// <summary>Classes of a model file that came together.</summary>
/// <param name="Count">Their number.</param>
/// <param name="IsBasis">Whether they score by the first vectors of the basis.</param>
/// <param name="HasOffsets">Whether something is taken from their cosines.</param>
internal sealed record SavedClassBlock(int Count, bool IsBasis, bool HasOffsets);

/// <summary>What the options of a model file say of an <see cref="EbvModel"/>.</summary>
internal sealed record SavedEbvModel(EbvNetworkShape Shape, EbvRecipe Recipe, EbvFit Fit, int BasisVectors, IReadOnlyList<SavedClassBlock> Blocks, int HeldOutRows)
{
    private const int MostBlocks = 1 << 16;

    /// <summary>Whether a tensor belongs to a network of the user.</summary>
    internal bool IsOwn(string tensor) => Shape.Factory is not null && tensor.StartsWith(EbvModel.NetworkPrefix, StringComparison.Ordinal);

    /// <exception cref="FormatException">The numbers do not fit together.</exception>
    internal void Check(int classes)
    {
        if (Blocks.Count is 0 or > MostBlocks || Blocks.Any(block => block is null || block.Count < 1) || Blocks.Sum(block => (long)block.Count) != classes || BasisVectors < 1 || HeldOutRows < 0
            || (Blocks[0].IsBasis && Blocks[0].Count > BasisVectors) || Blocks.Skip(1).Any(block => block.IsBasis))
        {
            throw new FormatException("The options describe no classes.");
        }
        if (!(Fit.Temperature > 0 && double.IsFinite(Fit.Temperature) && double.IsFinite(Fit.Offset) && Fit.Threshold is not double.NaN))
        {
            throw new FormatException("The options describe no scores.");
        }
    }
}
