using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Tests.Classification;

[TestClass]
public sealed class EquiangularBasisTests
{
    /// <summary>Unit rows in single precision.</summary>
    private const double Rounding = 2e-7;

    private static EquiangularBasisSettings Settings(int count, int dimension, EquiangularBasisGenerator generator = EquiangularBasisGenerator.Auto)
        => new() { Count = count, Dimension = dimension, Generator = generator, Seed = 3, NumberOfThreads = 1 };

    private static IEnumerable<object[]> Sets =>
    [
        [EquiangularBasisGenerator.Orthonormal, 12, 16],
        [EquiangularBasisGenerator.Orthonormal, 16, 16],
        [EquiangularBasisGenerator.Simplex, 2, 1],
        [EquiangularBasisGenerator.Simplex, 9, 8],
        [EquiangularBasisGenerator.Simplex, 5, 13],
        [EquiangularBasisGenerator.SmoothMaximum, 20, 7],
        [EquiangularBasisGenerator.SmoothMaximum, 3, 2],
        [EquiangularBasisGenerator.SmoothMaximum, 270, 40],
        [EquiangularBasisGenerator.Hinge, 40, 16],
        [EquiangularBasisGenerator.Gold, 64, 8],
        [EquiangularBasisGenerator.Gold, 60, 20],
        [EquiangularBasisGenerator.Gold, 300, 32],
    ];

    [TestMethod]
    [DynamicData(nameof(Sets))]
    public void VectorsAreUnitAndAsFarApartAsSaid(EquiangularBasisGenerator generator, int count, int dimension)
    {
        using var scope = NewDisposeScope();
        using var basis = EquiangularBasis.Create(Settings(count, dimension, generator) with { Steps = 200, HingeThreshold = generator == EquiangularBasisGenerator.Hinge ? 0.26 : null, HingeLearningRate = 0.005 });
        CollectionAssert.AreEqual(new long[] { count, dimension }, basis.Vectors.shape);
        Assert.AreEqual((count, dimension, generator, 3), (basis.Count, basis.Dimension, basis.Generator, basis.Seed));
        var gram = Gram(basis);
        for (var i = 0; i < count; i++)
        {
            Assert.AreEqual(1, gram[i, i], Rounding);
        }
        var largest = Cosines(gram).Max(Math.Abs);
        Assert.AreEqual(largest, basis.MaxAbsCosine, 1e-7);
        Assert.AreEqual(BasisBounds.Best(count, dimension), basis.LowerBound);
        Assert.IsGreaterThanOrEqualTo(basis.LowerBound - Rounding, largest);
    }

    [TestMethod]
    [DataRow(3, 6, 0.4473)]
    [DataRow(7, 28, 1 / 3.0)]
    [DataRow(16, 17, 0.0625)]
    [DataRow(16, 32, 0.1945)]
    [DataRow(64, 100, 0.0799)]
    public void TheSmoothMaximumComesCloseToTheBound(int dimension, int count, double reachable)
    {
        using var basis = EquiangularBasis.Create(Settings(count, dimension));
        Assert.AreEqual(EquiangularBasisGenerator.SmoothMaximum, basis.Generator);
        Assert.IsLessThanOrEqualTo(reachable + SmoothMaximum.BoundTolerance, basis.MaxAbsCosine);
    }

    [TestMethod]
    public void AThousandVectorsInAHundredDimensions()
    {
        using var basis = EquiangularBasis.Create(Settings(1000, 100) with { Steps = 100 });
        Assert.IsLessThan(0.138, basis.MaxAbsCosine);
    }

    [TestMethod]
    public void ExactSetsAreExact()
    {
        using (var orthonormal = EquiangularBasis.Create(Settings(30, 40)))
        {
            Assert.AreEqual(EquiangularBasisGenerator.Orthonormal, orthonormal.Generator);
            Assert.IsLessThan(1e-7, orthonormal.MaxAbsCosine);
        }
        using var simplex = EquiangularBasis.Create(Settings(11, 10, EquiangularBasisGenerator.Simplex));
        foreach (var cosine in Cosines(Gram(simplex)))
        {
            Assert.AreEqual(-0.1, cosine, Rounding);
        }
        using var scope = NewDisposeScope();
        Assert.IsLessThan(1e-6, simplex.Vectors.sum([0L]).abs().max().item<float>());
        using var pair = EquiangularBasis.Create(Settings(2, 1));
        CollectionAssert.AreEqual(new[] { 1f, -1f }, Values(pair.Vectors).Order().Reverse().ToArray());
    }

    [TestMethod]
    [DataRow(8, 64, 8)]
    [DataRow(32, 1024, 32)]
    [DataRow(40, 700, 32)]
    [DataRow(128, 600, 128)]
    public void GoldSequencesHaveTwoCosines(int dimension, int count, int order)
    {
        using var basis = EquiangularBasis.Create(Settings(count, dimension, EquiangularBasisGenerator.Gold));
        var gram = Gram(basis);
        var size = Math.Sqrt(2.0 / order);
        for (var i = 0; i < count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var cosine = Math.Abs(gram[i, j]);
                Assert.IsLessThan(Rounding, i / order == j / order ? cosine : Math.Min(cosine, Math.Abs(cosine - size)));
            }
        }
        Assert.AreEqual(size, basis.MaxAbsCosine);
    }

    [TestMethod]
    public void LargeGoldSetsAgreeInSamples()
    {
        using var scope = NewDisposeScope();
        using var basis = EquiangularBasis.Create(Settings(5000, 512) with { NumberOfThreads = 2 });
        Assert.AreEqual(EquiangularBasisGenerator.Gold, basis.Generator);
        var gram = mm(basis.Vectors.narrow(0, 4000, 300), basis.Vectors.t()).abs();
        Assert.AreEqual(300, gram.gt(TensorOps.Constant(0.5)).sum().item<long>());
        var others = gram.masked_select(gram.lt(TensorOps.Constant(0.5)));
        Assert.IsLessThan(1e-5, others.sub(TensorOps.Constant(0.0625)).abs().minimum(others).max().item<float>());
        Assert.AreEqual(0.0625, basis.MaxAbsCosine);
    }

    [TestMethod]
    public void TheGradientIsThatOfTheObjective()
    {
        using var scope = NewDisposeScope();
        const double Sharpness = 30, Step = 1e-6;
        using var smooth = Smooth(12, 5);
        smooth.Evaluate(Sharpness);
        var gradient = smooth.Gradient.clone();
        // Orthogonal to each vector, and so the gradient along the sphere.
        Assert.IsLessThan(1e-12, gradient.Times(smooth.Vectors).sum(1).abs().max().item<double>());
        foreach (var (row, column) in new[] { (0, 0), (3, 4), (11, 2) })
        {
            double Objective(double by)
            {
                var moved = smooth.Vectors.clone();
                moved[row, column] = moved[row, column].Plus(by);
                using var other = new SmoothMaximum(UnitRows.Normalize(moved), new(1, 0.01, 1, 1), 1);
                return other.Evaluate(Sharpness).Objective;
            }
            Assert.AreEqual((Objective(Step) - Objective(-Step)) / (2 * Step), gradient[row, column].item<double>(), 1e-6);
        }
    }

    [TestMethod]
    public void TheObjectiveBoundsTheMaximumWhateverThePassStartedFrom()
    {
        using var scope = NewDisposeScope();
        using var smooth = Smooth(40, 6);
        // From very blunt to so sharp that the exponentials would leave their range by far.
        foreach (var sharpness in new[] { 1, 100, 1e4, 1e5 })
        {
            var (maximum, objective) = smooth.Evaluate(sharpness);
            Assert.IsGreaterThanOrEqualTo(maximum - 1e-12, objective / 40);
            Assert.IsLessThanOrEqualTo(maximum + Math.Log(40 * 39 / 2) / sharpness + 1e-12, objective / 40);
            smooth.Move(0.05);
        }
    }

    [TestMethod]
    public void TilesThreadsAndTensorOperationsAgree()
    {
        using var scope = NewDisposeScope();
        (int? Tile, int Threads, bool Operations)[] ways = [(null, 1, false), (1, 1, false), (7, 1, false), (60, 2, false), (119, 1, false), (50, 1, true)];
        var start = UnitRows.Random(120, 20, 5, 0, ScalarType.Float64, CPU);
        Tensor? smoothGradient = null, hingeGradient = null;
        (double, double) smoothValue = default, hingeValue = default;
        foreach (var (tile, threads, operations) in ways)
        {
            using var smooth = new SmoothMaximum(start.clone(), new(1, 0.01, 1, 1), threads, tile, operations);
            using var hinge = new HingeGenerator(start.clone(), 0.3, 0.01, threads, tile, operations);
            var value = smooth.Evaluate(60);
            var sums = hinge.Evaluate();
            Assert.HasCount((120 + (tile ?? 120) - 1) / (tile ?? 120), sums.RowSums);
            if (smoothGradient is null)
            {
                (smoothGradient, hingeGradient) = (smooth.Gradient.clone(), hinge.Gradient.clone());
                (smoothValue, hingeValue) = (value, (sums.Sum, sums.Maximum));
                continue;
            }
            AssertNear(smoothValue, value);
            AssertNear(hingeValue, (sums.Sum, sums.Maximum));
            Assert.IsLessThan(1e-10, smooth.Gradient.Minus(smoothGradient).abs().max().item<double>());
            Assert.IsLessThan(1e-10, hinge.Gradient.Minus(hingeGradient!).abs().max().item<double>());
        }

        static void AssertNear((double, double) expected, (double, double) actual)
        {
            Assert.AreEqual(expected.Item1, actual.Item1, 1e-12 * Math.Abs(expected.Item1));
            Assert.AreEqual(expected.Item2, actual.Item2, 1e-12 * Math.Abs(expected.Item2));
        }
    }

    [TestMethod]
    public void PairsOfCosineZeroHaveNoWeight()
    {
        using var scope = NewDisposeScope();
        using var smooth = new SmoothMaximum(eye(5, dtype: ScalarType.Float64), new(1, 0.01, 1, 1), 1);
        var (maximum, objective) = smooth.Evaluate(10);
        Assert.AreEqual(0, maximum);
        Assert.AreEqual(5 / 10.0 * Math.Log(10), objective, 1e-12);
        Assert.AreEqual(0, smooth.Gradient.abs().max().item<double>());
    }

    [TestMethod]
    public void ParallelVectorsAreFoundAndTheBestSetIsReturned()
    {
        // Just above the bound: far below what gradient steps of the hinge can reach.
        var warnings = new List<string>();
        using var basis = EquiangularBasis.Create(Settings(12, 5, EquiangularBasisGenerator.Hinge) with { HingeThreshold = 0.36, HingeLearningRate = 0.01 }, warnings.Add);
        Assert.HasCount(1, warnings);
        Assert.IsLessThan(1000, basis.Steps);
        Assert.IsLessThan(0.95, basis.MaxAbsCosine);
        using var scope = NewDisposeScope();
        using var run = new HingeGenerator(UnitRows.Random(12, 5, 3, 0, ScalarType.Float64, CPU), 0.36, 0.01, 1);
        var (_, _, steps, end) = run.Run(100_000, default);
        Assert.AreEqual(HingeEnd.ParallelVectors, end);
        Assert.IsLessThan(5000, steps);
    }

    [TestMethod]
    [DataRow(EquiangularBasisGenerator.Orthonormal, 20, 20)]
    [DataRow(EquiangularBasisGenerator.Simplex, 20, 20)]
    [DataRow(EquiangularBasisGenerator.SmoothMaximum, 300, 40)]
    [DataRow(EquiangularBasisGenerator.Hinge, 300, 40)]
    public void TheSeedDecides(EquiangularBasisGenerator generator, int count, int dimension)
    {
        var settings = Settings(count, dimension, generator) with { Steps = 30, HingeSteps = 20 };
        foreach (var threads in new[] { 1, 2 })
        {
            float[] Make(int seed)
            {
                using var basis = EquiangularBasis.Create(settings with { Seed = seed, NumberOfThreads = threads });
                return Values(basis.Vectors);
            }
            var first = Make(1);
            CollectionAssert.AreEqual(first, Make(1));
            CollectionAssert.AreNotEqual(first, Make(2));
        }
    }

    [TestMethod]
    public void ABasisIsKeptAndReadAgain()
    {
        WithFolder(folder =>
        {
            var warnings = new List<string>();
            var settings = Settings(30, 9) with { Steps = 50, CacheFolder = Path.Combine(folder, "new") };
            using var made = EquiangularBasis.Create(settings, warnings.Add);
            var file = Directory.GetFiles(settings.CacheFolder).Single();
            var written = File.GetLastWriteTimeUtc(file);
            using var read = EquiangularBasis.Create(settings, warnings.Add);
            CollectionAssert.AreEqual(Values(made.Vectors), Values(read.Vectors));
            Assert.AreEqual((made.MaxAbsCosine, made.LowerBound, made.Generator, made.Seed, made.Steps), (read.MaxAbsCosine, read.LowerBound, read.Generator, read.Seed, read.Steps));
            Assert.AreEqual(written, File.GetLastWriteTimeUtc(file));
            Assert.IsEmpty(warnings);
            // All that the set depends on is part of its name.
            foreach (var other in new[] { settings with { Seed = 4 }, settings with { Steps = 51 }, settings with { LearningRate = 0.02 }, settings with { FirstSharpness = 11 }, settings with { LastSharpness = 2999 }, settings with { Count = 31 }, settings with { Dimension = 8 }, settings with { Generator = EquiangularBasisGenerator.Gold, Dimension = 8 } })
            {
                using var basis = EquiangularBasis.Create(other, warnings.Add);
            }
            Assert.IsEmpty(warnings);
            Assert.HasCount(8, Directory.GetFiles(settings.CacheFolder));
        });
    }

    [TestMethod]
    public void ADamagedOrForeignFileIsMadeAnew()
    {
        WithFolder(folder =>
        {
            var settings = Settings(30, 9) with { Steps = 20, CacheFolder = folder };
            using var made = EquiangularBasis.Create(settings);
            var file = Directory.GetFiles(folder).Single();
            var bytes = File.ReadAllBytes(file);
            using (EquiangularBasis.Create(settings with { Seed = 9 }))
            {
            }
            var foreign = File.ReadAllBytes(Directory.GetFiles(folder).Single(path => path != file));
            var flipped = (byte[])bytes.Clone();
            flipped[^5] ^= 1;
            foreach (var content in new[] { [], bytes[..100], bytes[..^4], flipped, foreign })
            {
                File.WriteAllBytes(file, content);
                var warnings = new List<string>();
                using var again = EquiangularBasis.Create(settings, warnings.Add);
                Assert.Contains(file, warnings.Single());
                CollectionAssert.AreEqual(Values(made.Vectors), Values(again.Vectors));
                CollectionAssert.AreEqual(bytes, File.ReadAllBytes(file));
            }
            // A folder that cannot be one costs a warning only.
            var refused = new List<string>();
            using var basis = EquiangularBasis.Create(settings with { CacheFolder = file }, refused.Add);
            Assert.HasCount(1, refused);
        });
    }

    [TestMethod]
    [DataRow(EquiangularBasisGenerator.SmoothMaximum)]
    [DataRow(EquiangularBasisGenerator.Hinge)]
    [DataRow(EquiangularBasisGenerator.Gold)]
    public void CancellationIsHeard(EquiangularBasisGenerator generator)
    {
        using var source = new CancellationTokenSource();
        source.Cancel();
        Tensors.AssertNoneLeft(() => Assert.Throws<OperationCanceledException>(() => EquiangularBasis.Create(Settings(60, 8, generator), null, source.Token)));
    }

    [TestMethod]
    public void NoTensorsAreLeft()
    {
        WithFolder(folder => Tensors.AssertNoneLeft(() =>
        {
            foreach (var row in Sets.Append([EquiangularBasisGenerator.SmoothMaximum, 270, 40]))
            {
                using var basis = EquiangularBasis.Create(Settings((int)row[1], (int)row[2], (EquiangularBasisGenerator)row[0]) with { Steps = 5, HingeSteps = 5, CacheFolder = folder });
            }
        }));
    }

    [TestMethod]
    public void TheGeneratorFollowsFromTheSize()
    {
        foreach (var (count, dimension, expected) in new[]
        {
            (64, 64, EquiangularBasisGenerator.Orthonormal),
            (512, 512, EquiangularBasisGenerator.Orthonormal),
            (2, 1, EquiangularBasisGenerator.Simplex),
            (65, 64, EquiangularBasisGenerator.SmoothMaximum),
            (1953, 512, EquiangularBasisGenerator.SmoothMaximum),
            (1954, 512, EquiangularBasisGenerator.Gold),
            (100_000, 512, EquiangularBasisGenerator.Gold),
            (262_145, 512, EquiangularBasisGenerator.SmoothMaximum),
            (1_000_000, 2048, EquiangularBasisGenerator.Gold),
            (1500, 1000, EquiangularBasisGenerator.SmoothMaximum),
            (100_000, 1000, EquiangularBasisGenerator.Gold),
        })
        {
            var settings = Settings(count, dimension);
            settings.Check();
            Assert.AreEqual(expected, settings.ChosenGenerator, $"{count} x {dimension}");
        }
        CollectionAssert.AreEqual(new[] { 64, 100, 512, 512, 512, 2048 }, new[] { 2, 100, 1000, 100_000, 262_144, 262_145 }.Select(EquiangularBasisSettings.DefaultDimension).ToArray());
        Assert.AreEqual((2000, 3), (Settings(28, 7).Schedule.Steps, Settings(28, 7).NumberOfStarts));
        Assert.AreEqual(0.005, Settings(28, 7).Schedule.LearningRate);
        Assert.AreEqual(0.01, (Settings(28, 7) with { Steps = 250 }).Schedule.LearningRate, 1e-12);
        Assert.AreEqual((300, 1), (Settings(1000, 100).Schedule.Steps, Settings(1000, 100).NumberOfStarts));
        Assert.IsInRange(20, 299, Settings(2000, 500).Schedule.Steps);
    }

    [TestMethod]
    public void WhatCannotBeIsRefused()
    {
        foreach (var (settings, name, part) in new[]
        {
            (Settings(1, 5), "Count", "two classes"),
            (Settings(3, 0), "Dimension", "at least 1"),
            (Settings(3, 1), "Dimension", "not 3"),
            (Settings(6, 5, EquiangularBasisGenerator.Orthonormal), "Dimension", "not 6"),
            (Settings(7, 5, EquiangularBasisGenerator.Simplex), "Dimension", "at least 6 dimensions, not 5"),
            (Settings(65, 31, EquiangularBasisGenerator.Gold), "Dimension", "64 Gold sequences"),
            (Settings(5, 7, EquiangularBasisGenerator.Gold), "Dimension", "hold 0 Gold sequences"),
            (Settings(12, 5, EquiangularBasisGenerator.Hinge) with { HingeThreshold = 0.35 }, "HingeThreshold", "0.3568"),
            (Settings(12, 5, EquiangularBasisGenerator.Hinge) with { HingeThreshold = double.NaN }, "HingeThreshold", "0.3568"),
            (Settings(12, 5, (EquiangularBasisGenerator)99), "Generator", "no such"),
            (Settings(12, 5) with { Steps = -1 }, "Steps", "negative"),
            (Settings(12, 5) with { LearningRate = double.NaN }, "LearningRate", "positive"),
            (Settings(12, 5) with { NumberOfThreads = 0 }, "NumberOfThreads", "thread"),
        })
        {
            var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => EquiangularBasis.Create(settings));
            Assert.AreEqual(name, error.ParamName);
            Assert.Contains(part, error.Message);
        }
    }

    private static SmoothMaximum Smooth(int count, int dimension)
        => new(UnitRows.Random(count, dimension, 7, 0, ScalarType.Float64, CPU), new(10, 0.01, 1, 1), 1);

    private static double[,] Gram(EquiangularBasis basis)
    {
        using var scope = NewDisposeScope();
        var vectors = basis.Vectors.to(ScalarType.Float64);
        var values = mm(vectors, vectors.t()).data<double>().ToArray();
        var gram = new double[basis.Count, basis.Count];
        Buffer.BlockCopy(values, 0, gram, 0, sizeof(double) * values.Length);
        return gram;
    }

    private static IEnumerable<double> Cosines(double[,] gram)
    {
        for (var i = 0; i < gram.GetLength(0); i++)
        {
            for (var j = 0; j < i; j++)
            {
                yield return gram[i, j];
            }
        }
    }

    private static float[] Values(Tensor tensor) => tensor.data<float>().ToArray();

    private static void WithFolder(Action<string> action)
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            action(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
