using System.Globalization;
using Microsoft.ML.Runtime;
using MLNetExtensions.Torch;
using static TorchSharp.torch;

namespace MLNetExtensions;

/// <summary>Connects a trainer to its surroundings: seed, device, cancellation, log and progress.</summary>
internal sealed class TrainingHost
{
    private const string RefitSuffix = ".refit";

    private readonly TrainingOptions _options;

    /// <summary>Checks the options that all trainers share. Draws a seed from the environment if none is set, so that fitting again repeats the result.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    internal TrainingHost(IHost host, TrainingOptions options)
    {
        Host = host;
        _options = options;
        Check.Option(host, options.MaximumNumberOfEpochs > 0, options.MaximumNumberOfEpochs, "Must be positive");
        Check.Option(host, options.BatchSize > 0, options.BatchSize, "Must be positive");
        Check.Option(host, options.LearningRate > 0 && double.IsFinite(options.LearningRate), options.LearningRate, "Must be positive and finite");
        Check.Option(host, options.NumberOfThreads is null or > 0, options.NumberOfThreads, "Must be positive, or null");
        Check.Option(host, Enum.IsDefined(options.OnCancellation), options.OnCancellation, "Must be a defined value");
        Check.Option(host, options.CheckpointPath is not "", options.CheckpointPath, "Must be the path of a file, or null");
        Seed = options.Seed ?? host.Rand.Next();
    }

    internal IHost Host { get; }

    internal int Seed { get; }

    /// <summary>The device that the environment asks for.</summary>
    /// <exception cref="InvalidOperationException">There is no such device, and falling back to the CPU is not allowed; or TorchSharp's native library is missing.</exception>
    internal static Device Device(IHost host)
    {
        try
        {
            TorchRuntime.Require();
            var environment = (IHostEnvironmentInternal)host;
            return Devices.Choose(environment.GpuDeviceId, environment.FallbackToCpu);
        }
        catch (InvalidOperationException e)
        {
            throw host.Process(e);
        }
    }

    /// <summary>The settings that follow from the options; the algorithm adds its own.</summary>
    internal TrainingSettings Settings => new()
    {
        MaximumNumberOfEpochs = _options.MaximumNumberOfEpochs,
        BatchSize = _options.BatchSize,
        LearningRate = _options.LearningRate,
        Seed = Seed,
        NumberOfThreads = _options.NumberOfThreads,
        CheckpointPath = _options.CheckpointPath,
        OnCancellation = _options.OnCancellation,
        CancellationToken = _options.CancellationToken,
        ThrowIfHostCancelled = Host.CheckAlive,
    };

    /// <summary>Trains, with every epoch in the log.</summary>
    /// <param name="settings">The settings; how to report is filled in here.</param>
    /// <param name="learner">What is trained.</param>
    /// <param name="training">The training examples.</param>
    /// <param name="validation">The examples that choose the best epoch; null = none.</param>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The training diverged, or the checkpoint does not fit or cannot be written.</exception>
    internal TrainingOutcome Train(TrainingSettings settings, ILearner learner, IBatchSource training, IBatchSource? validation)
    {
        // An epoch may take long: better now than after the first.
        if (_options.CheckpointPath is { } path && (Directory.Exists(path) || !Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path)))))
        {
            throw Host.Process(new InvalidOperationException($"{nameof(TrainingOptions.CheckpointPath)} must be the path of a file in a folder that exists: '{path}' is not."));
        }
        using var channel = Host.Start("Train");
        if (TorchRuntime.Repair is { } repair)
        {
            channel.Trace(repair);
        }
        try
        {
            var outcome = TrainingLoop.Run(learner, training, validation, settings with
            {
                Report = Report(channel),
                Warn = channel.Warning,
            });
            channel.Info(string.Create(CultureInfo.InvariantCulture, $"Training ended after {outcome.Epochs} epochs{(outcome.Cancelled ? ", cancelled" : "")}; the weights are those of epoch {outcome.BestEpoch}."));
            return outcome;
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException)
        {
            throw Host.Process(e);
        }
    }

    /// <summary>For what follows the training. One that returns its best when it is cancelled ends as if it were complete.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled, and <see cref="TrainingOptions.OnCancellation"/> says so.</exception>
    internal void ThrowIfCancelled()
    {
        if (_options.OnCancellation == CancellationBehavior.Throw)
        {
            _options.CancellationToken.ThrowIfCancellationRequested();
            Host.CheckAlive();
        }
    }

    /// <summary>How to report: to the log and to the user.</summary>
    internal Action<TrainingProgress> Report(IChannel channel) => progress =>
    {
        channel.Info(progress.ToString());
        _options.Progress?.Report(progress);
    };

    /// <summary>
    /// Trains a network with validation and then a second one, from the same start, on all examples for as many epochs as were best. Cancelled meanwhile, it is the first that counts. The
    /// second training has a checkpoint of its own, beside that of the first, which is kept until both have ended.
    /// </summary>
    /// <typeparam name="T">The network.</typeparam>
    /// <param name="settings">The settings.</param>
    /// <param name="create">Makes a network with its starting weights, always the same.</param>
    /// <param name="learn">What is trained of a network.</param>
    /// <param name="training">The training examples.</param>
    /// <param name="validation">The examples that choose the best epoch; null = none, and no second training.</param>
    /// <param name="all">All examples; null = no second training.</param>
    /// <returns>The trained network, which belongs to the caller.</returns>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    /// <exception cref="InvalidOperationException">The training diverged, or the checkpoint does not fit or cannot be written.</exception>
    internal T TrainAndRefit<T>(TrainingSettings settings, Func<T> create, Func<T, ILearner> learn, IBatchSource training, IBatchSource? validation, IBatchSource? all)
        where T : class, IDisposable
    {
        var first = create();
        T? second = null;
        try
        {
            var refits = validation is not null && all is not null;
            var outcome = Train(settings with { KeepCheckpoint = refits }, learn(first), training, validation);
            if (!refits || outcome.Cancelled)
            {
                return first;
            }
            second = create();
            var path = settings.CheckpointPath;
            if (Train(settings with { Phase = 2, MaximumNumberOfEpochs = outcome.BestEpoch, CheckpointPath = path is null ? null : path + RefitSuffix }, learn(second), all!, validation: null).Cancelled)
            {
                second.Dispose();
                return first;
            }
            if (path is not null)
            {
                File.Delete(path);
            }
            first.Dispose();
            return second;
        }
        catch
        {
            second?.Dispose();
            first.Dispose();
            throw;
        }
    }
}
