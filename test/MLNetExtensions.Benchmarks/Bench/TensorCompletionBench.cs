using System.CommandLine;
using System.Globalization;
using MLNetExtensions.Benchmarks.Accuracy;
using MLNetExtensions.Tensors;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions.Benchmarks.Bench;

/// <summary>Neural tensor completion: the influence of cells against a gradient for each cell, and the demonstration of the published program as a whole.</summary>
internal static class TensorCompletionBench
{
    private const int Batch = 1024;

    public static Command Command()
    {
        var threads = new Option<int>("--threads") { Description = "The number of threads.", DefaultValueFactory = _ => 1 };
        var seed = new Option<int>("--seed") { Description = "The seed.", DefaultValueFactory = _ => 1 };
        var command = new Command("dain", "Neural tensor completion: the influence of all cells against a gradient for each cell, and the published demonstration against the least time that its products need.") { threads, seed };
        command.SetAction(arguments => Run(arguments.GetValue(threads), arguments.GetValue(seed)));
        return command;
    }

    private static void Run(int threads, int seed)
    {
        TorchRuntime.Require();
        using var number = TorchThreads.Use(threads);
        var file = TensorFile.Read(TensorFile.Synthetic, "split");
        Console.WriteLine($"{threads} thread(s), seed {seed}, seconds {(threads == 1 ? "of the processor" : "on the clock")}");
        var ratio = Influence(file, threads, seed);
        var single = Demonstration(file, threads, seed, useBFloat16: false);
        var mixed = Demonstration(file, threads, seed, useBFloat16: true);
        // The option that a user would choose here; the other one stands beside it.
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"dain influence_ratio={ratio:F0} demo_cpu_seconds={Math.Min(single, mixed):F1} single_cpu_seconds={single:F1} bfloat16_cpu_seconds={mixed:F1}"));
    }

    /// <summary>The network of the published demonstration, without the scaling, starts and bias of the product.</summary>
    private static TensorCompletionShape Published(TensorFile file) => new()
    {
        Model = TensorCompletionModel.Mlp,
        Entities = file.Entities,
        EmbeddingSize = 50,
        HiddenLayers = [1024, 1024, 128],
        UseBias = false,
        EmbeddingInitStd = 1,
    };

    /// <summary>One checkpoint: the influence of each training cell from activations that a training has anyway, against a gradient of the output layer for each cell.</summary>
    private static double Influence(TensorFile file, int threads, int seed)
    {
        using var scope = NewDisposeScope();
        using var random = new StepRandom(seed, 0, 0);
        using var model = Published(file).Create(random, ScalarType.Float32, CPU);
        var cells = file.Cells(value => value);
        var (training, validation) = (Batches(file.Training), Batches(file.Validation));
        using var recorder = new InfluenceRecorder(model, file.Training.Length, InfluenceLayers.Output);
        var streamed = Timing.Medians(5, 1, Stream, Forward);
        using var fresh = new InfluenceRecorder(model, file.Training.Length, InfluenceLayers.Output);
        Record(fresh);
        fresh.Keep();
        double[] single = [];
        var perCell = Timing.Medians(1, 1, () => single = PerCell())[0].Seconds(threads);
        var largest = single.Max(Math.Abs);
        var error = single.Zip(fresh.Influence, (a, b) => Math.Abs(a - b)).Max() / largest;
        var ratio = perCell / streamed[0].Seconds(threads);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"influence of {file.Training.Length:N0} cells by {file.Validation.Length:N0} validation cells, one checkpoint: {1000 * streamed[0].Seconds(threads):F2} ms from activations at hand (forward pass {1000 * streamed[1].Seconds(threads):F0} ms), a gradient for each cell {1000 * perCell:F0} ms: {ratio:F0} times as fast, off by {error:E1} of the largest"));
        return ratio;

        List<(Tensor Rows, TensorOutput Output, Tensor Residuals)> Batches(int[] rows)
        {
            using var noGrad = no_grad();
            return [.. rows.Chunk(Batch).Select((part, i) =>
            {
                var output = model.Forward(tensor(part.SelectMany(row => file.Index[row].Select(entity => (long)entity)).ToArray()).view(-1, cells.Order));
                return (tensor(Enumerable.Range(i * Batch, part.Length).Select(row => (long)row).ToArray()), output, output.Prediction.Minus(tensor(part.Select(row => file.Values[row]).ToArray())));
            })];
        }

        void Record(InfluenceRecorder target)
        {
            using var step = NewDisposeScope();
            target.BeginValidation();
            foreach (var (_, output, residuals) in validation)
            {
                target.AddValidation(output, residuals);
            }
            foreach (var (rows, output, residuals) in training)
            {
                target.AddTraining(rows, output, residuals);
            }
        }

        void Stream() => Record(recorder);

        void Forward()
        {
            using var step = NewDisposeScope();
            Batches([.. file.Training, .. file.Validation]);
        }

        double[] PerCell()
        {
            var weight = model.Parameters.Single(parameter => parameter.Key == "out.weight").Value;
            foreach (var (_, parameter) in model.Parameters)
            {
                parameter.requires_grad = parameter.Equals(weight);
            }
            using var outer = NewDisposeScope();
            var sum = zeros_like(weight);
            foreach (var row in file.Validation)
            {
                Gradient(row, gradient => sum.add_(gradient, TensorOps.One));
            }
            var result = new double[file.Training.Length];
            foreach (var (i, row) in file.Training.Index())
            {
                Gradient(row, gradient => result[i] = gradient.Times(sum).sum().item<float>() / 4);
            }
            return result;

            void Gradient(int row, Action<Tensor> take)
            {
                using var step = NewDisposeScope();
                weight.grad = null;
                var residual = model.Forward(tensor(file.Index[row].Select(entity => (long)entity).ToArray()).view(1, -1)).Prediction.Minus(tensor(file.Values[row]));
                residual.Times(residual).sum().backward();
                using var noGrad = no_grad();
                take(weight.grad!);
            }
        }
    }

    /// <summary>Both trainings as the published program runs them: raw values, 50 epochs at most.</summary>
    private static double Demonstration(TensorFile file, int threads, int seed, bool useBFloat16)
    {
        var training = new TrainingSettings { MaximumNumberOfEpochs = 50, BatchSize = Batch, LearningRate = 1e-3, Patience = 10, NumberOfThreads = threads, Seed = seed };
        var shape = Published(file);
        var clock = new Clock(threads);
        using var result = TensorCompletionTraining.Run(file.Cells(value => value), file.Training, file.Validation, shape, new() { KeepBetter = false, FillUnseen = false, TrainsInBFloat16 = useBFloat16 }, training, CPU);
        var seconds = clock.Seconds;
        var floor = Floor(file, shape, result, threads);
        using var scorer = new TensorScorer(result.Model);
        var scores = scorer.Score([.. file.Test.SelectMany(row => file.Index[row])]);
        var error = Math.Sqrt(file.Test.Zip(scores, (row, score) => Math.Pow(score - file.Values[row], 2)).Average());
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"demonstration, {(useBFloat16 ? "hidden layers in bfloat16" : "float32")}, {result.Phase1.Count} and {result.Phase2.Count} epochs: {seconds:F1} s, {seconds / floor:F2} times the {floor:F1} s of its products alone; test RMSE {error:F4}"));
        return seconds;
    }

    /// <summary>The seconds of all matrix products of the two trainings, at the speed of such products alone.</summary>
    private static double Floor(TensorFile file, TensorCompletionShape shape, TensorCompletionResult result, int threads)
    {
        var cells = (double)file.Training.Length * (result.Phase1.Count + result.Phase2.Count) + (double)result.AugmentedValues.Length * result.Phase2.Count;
        var validated = (double)file.Validation.Length * (result.Phase1.Count + result.Phase2.Count) + result.AugmentedValues.Length;
        int[] widths = [shape.Order * shape.EmbeddingSize, .. shape.HiddenLayers];
        var times = widths.Zip(widths.Skip(1), (inputs, outputs) => new MatrixProduct("layer", Batch, inputs, outputs).Measure(3, threads)).ToArray();
        return (cells * times.Sum(time => time.Forward + time.Backward) + validated * times.Sum(time => time.Forward)) / Batch;
    }
}
